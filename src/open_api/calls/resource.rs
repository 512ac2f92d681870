//! Pictures and files.

use super::field::*;
use super::{CallEntry, Family, get, post, with_body};
use crate::open_api::resource::{self, FILE_TYPES, IMAGE_TYPES};

pub const FAMILY: Family = Family { name: "Pictures and files", meaning: "Upload, and fetch.", calls: CALLS };

const UPLOAD: &[&str] = &["im:resource", "im:resource:upload"];

const CALLS: &[CallEntry] = &[
    post("im/v1/images", with_body!(resource::upload_image))
        .means("Uploads a picture.")
        .scopes(UPLOAD)
        .changes()
        .multipart(&[words("image_type", IMAGE_TYPES, "What it is for."), file("image", "The bytes.").required()])
        .reply(&[text("image_key", "Its key, for messages.").required()]),
    get("im/v1/images/:image_key", with_body!(resource::image)).means("A picture that this app uploaded.").bytes("image/*"),
    post("im/v1/files", with_body!(resource::upload_file))
        .means("Uploads a file.")
        .scopes(UPLOAD)
        .changes()
        .multipart(&[
            words("file_type", FILE_TYPES, "What it is."),
            text("file_name", "Its name."),
            text("duration", "Length of a recording, in ms."),
            file("file", "The bytes.").required(),
        ])
        .reply(&[text("file_key", "Its key, for messages.").required()]),
    get("im/v1/files/:file_key", with_body!(resource::file)).means("A file that this app uploaded.").bytes("application/octet-stream"),
    get("im/v1/messages/:message_id/resources/:file_key", with_body!(resource::of_message))
        .means("A picture or file that a message shows.")
        .scopes(&["im:message", "im:message:readonly", "im:message.history:readonly"])
        .query(&[words("type", &["image", "file"], "What it is.").required()])
        .bytes("application/octet-stream"),
];
