//! Uploads in parts, which go on where they were after a connection breaks.

use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::resource::FILE_TYPES;
use crate::attachment::{Form, PartsState, Upload};
use crate::error::Error;
use axum::extract::Request;
use futures_util::TryStreamExt;
use protocol::error::ErrorCode;
use serde_json::{Value, json};

/// `POST clarion/v1/uploads`
pub async fn begin(mut call: Call) -> Answer {
    let name = call.input.required("file_name");
    let size_bytes = call.input.number("size_bytes", 0, 1, u64::MAX);
    let kind = call.input.text("kind").unwrap_or_default();
    let declared = call.input.text("file_type").filter(|kind| !kind.is_empty());
    let duration_ms = call.input.value("duration").is_some().then(|| call.input.number("duration", 0, 0, u64::MAX));
    if let Some(declared) = declared.as_deref().filter(|declared| !FILE_TYPES.contains(declared)) {
        call.input.wrong("file_type", declared, format!("must be one of {}", FILE_TYPES.join(", ")));
    }
    if call.input.value("size_bytes").is_none() {
        call.input.wrong("size_bytes", "", "is required: the bytes of the whole file");
    }
    if !matches!(kind.as_str(), "" | "file" | "image") {
        call.input.wrong("kind", &kind, "must be file or image");
    }
    call.input.checked()?;
    let upload = Upload {
        uploader: call.app.bot,
        name,
        form: if kind == "image" { Form::Picture } else { Form::File },
        limit_bytes: call.api.config.file_bytes_max,
        announced_bytes: Some(size_bytes),
        declared,
        duration_ms,
    };
    let state = call.api.attachments.begin_parts(upload).await.map_err(|error| Refusal::of(Act::Resource, error.into()))?;
    Ok(Reply::Data(state_object(&state)))
}

/// `PUT clarion/v1/uploads/:upload_id`: the bytes behind `offset`.
pub async fn part(mut call: Call, request: Request) -> Answer {
    call.input.asked_required("offset");
    let offset = call.input.asked_number("offset", 0, 0, u64::MAX);
    call.input.checked()?;
    let bytes = request.into_body().into_data_stream();
    let bytes = bytes.map_err(|error| {
        Error::new(
            ErrorCode::Malformed,
            "the part did not come whole",
            error.to_string(),
            "ask how far the upload is, and go on from there",
        )
    });
    let state = call.api.attachments.put_part(call.app.bot, &call.input.path("upload_id"), offset, bytes).await;
    Ok(Reply::Data(state_object(&state.map_err(|error| Refusal::of(Act::Resource, error.into()))?)))
}

/// `GET clarion/v1/uploads/:upload_id`
pub async fn state(call: Call) -> Answer {
    let state = call.api.attachments.parts_state(call.app.bot, &call.input.path("upload_id")).await.or_refuse(Act::Resource)?;
    Ok(Reply::Data(state_object(&state)))
}

/// `POST clarion/v1/uploads/:upload_id/finish`
pub async fn finish(call: Call) -> Answer {
    let entry = call.api.attachments.finish_parts(call.app.bot, &call.input.path("upload_id")).await;
    let entry = entry.map_err(|error| {
        let error = Error::from(error);
        match error.code {
            ErrorCode::InvalidValue if error.what.contains("picture") => Refusal::new(234_011, format!("unknown image format: {error}")),
            _ => Refusal::of(Act::Resource, error),
        }
    })?;
    let name = if entry.key.starts_with("img_") { "image_key" } else { "file_key" };
    Ok(Reply::Data(json!({ name: entry.key, "size_bytes": entry.size_bytes, "media_type": entry.media_type })))
}

/// `DELETE clarion/v1/uploads/:upload_id`
pub async fn remove(call: Call) -> Answer {
    call.api.attachments.drop_parts(call.app.bot, &call.input.path("upload_id")).await.or_refuse(Act::Resource)?;
    Ok(Reply::Data(json!({})))
}

fn state_object(state: &PartsState) -> Value {
    let mut object = json!({
        "upload_id": state.upload_id,
        "offset": state.offset,
        "size_bytes": state.size_bytes,
        "expires_at": state.expires_at_ms.to_string(),
        "finished": state.key.is_some(),
    });
    if let Some(key) = &state.key {
        object[if key.starts_with("img_") { "image_key" } else { "file_key" }] = json!(key);
    }
    object
}
