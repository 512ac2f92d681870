//! Pictures and files.

use super::field::*;
use super::{CallEntry, Family, delete, get, post, put, with_body, with_token};
use crate::open_api::resource::{self, FILE_TYPES, IMAGE_TYPES};
use crate::open_api::upload;

pub const FAMILY: Family = Family { name: "Pictures and files", meaning: "Upload, and fetch.", calls: CALLS };

const UPLOAD: &[&str] = &["im:resource", "im:resource:upload"];

const IN_PARTS: &[Field] = &[
    text("upload_id", "Names the upload: up_ and 32 digits.").required(),
    number("offset", "The next part begins here.").required(),
    number("size_bytes", "Bytes of the whole.").required(),
    text("expires_at", "When it is forgotten unless it goes on, ms since 1970 as digits.").required(),
    flag("finished", "It has its key.").required(),
    text("file_key", "Its key, of a file that is finished."),
    text("image_key", "Its key, of a picture that is finished."),
];

const CALLS: &[CallEntry] = &[
    post("clarion/v1/uploads", with_token!(upload::begin))
        .means("Begins an upload that comes in parts.")
        .scopes(UPLOAD)
        .changes()
        .json(&[
            text("file_name", "Its name.").required().min(1),
            number("size_bytes", "Bytes of the whole.").required().min(1).max(u64::MAX),
            words("kind", &["file", "image"], "What it becomes; file when it is missing."),
            words("file_type", FILE_TYPES, "What it is."),
            number("duration", "Length of a recording, in ms.").min(0).max(u64::MAX),
        ])
        .reply(IN_PARTS),
    put("clarion/v1/uploads/:upload_id", with_body!(upload::part))
        .means("Takes the bytes behind an offset, of any number.")
        .scopes(UPLOAD)
        .changes()
        .query(&[number("offset", "Where the upload stands.").required().min(0).max(u64::MAX)])
        .bytes_in()
        .reply(IN_PARTS),
    get("clarion/v1/uploads/:upload_id", with_token!(upload::state)).means("How far an upload is.").scopes(UPLOAD).reply(IN_PARTS),
    post("clarion/v1/uploads/:upload_id/finish", with_token!(upload::finish))
        .means("Makes the file of an upload whose parts have all come.")
        .scopes(UPLOAD)
        .changes()
        .reply(&[
            text("file_key", "Its key, of a file."),
            text("image_key", "Its key, of a picture."),
            number("size_bytes", "Its bytes.").required(),
            text("media_type", "Its media type, found by looking into it.").required(),
        ]),
    delete("clarion/v1/uploads/:upload_id", with_token!(upload::remove)).means("Lets an upload go.").scopes(UPLOAD).changes(),
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
    get("im/v1/files/:file_key", with_body!(resource::file)).means("A file that this app uploaded.").bytes("*/*"),
    get("im/v1/messages/:message_id/resources/:file_key", with_body!(resource::of_message))
        .means("A picture or file that a message shows.")
        .scopes(&["im:message", "im:message:readonly", "im:message.history:readonly"])
        .query(&[words("type", &["image", "file"], "What it is.").required()])
        .bytes("*/*"),
];
