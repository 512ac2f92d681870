//! What an upload is, found by looking into it. What the client says of it, and its name, count for nothing.

use super::blob::Written;
use crate::error::Error;
use crate::limits;
use protocol::error::ErrorCode;

/// What an upload must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A picture; anything else is refused.
    Picture,
    /// A file, also when it is a picture.
    File,
    /// A picture when it is one, else a file.
    #[default]
    AsFound,
}

/// What an upload is.
pub struct Kind {
    /// Its key is a picture's.
    pub picture: bool,
    /// Media type.
    pub media_type: String,
    /// Width and height in pixels, of pictures.
    pub size: Option<(u32, u32)>,
}

/// For bytes that are nothing that is known, or not what they seem.
const UNKNOWN: &str = "application/octet-stream";

/// Looks at what was written.
///
/// # Errors
/// `InvalidValue` and `TooLarge` when a picture was asked for, and it is none, or one of too many pixels.
pub fn of(written: &Written, form: Form) -> Result<Kind, Error> {
    let media_type = sniff(&written.head);
    let drawn = media_type.starts_with("image/") && media_type != "image/svg+xml";
    let size = written.picture_size.filter(|_| drawn);
    let bounded = size.filter(|(width, height)| pixels(*width, *height) <= limits::PICTURE_PIXELS_MAX && *width > 0 && *height > 0);
    match (form, bounded) {
        (Form::File, _) | (Form::AsFound, None) => {
            // A picture whose size is unknown or beyond all measure is not shown, only kept.
            let media_type = if drawn && bounded.is_none() { UNKNOWN } else { media_type };
            Ok(Kind { picture: false, media_type: media_type.into(), size: bounded })
        }
        (Form::Picture | Form::AsFound, Some(size)) => Ok(Kind { picture: true, media_type: media_type.into(), size: Some(size) }),
        (Form::Picture, None) => Err(match size {
            Some((width, height)) => Error::too_large("the picture", pixels(width, height), limits::PICTURE_PIXELS_MAX, "pixels"),
            None => Error::new(
                ErrorCode::InvalidValue,
                "the upload is no picture",
                format!("its bytes look like {media_type}"),
                "upload a PNG, JPEG, GIF, WebP, AVIF, BMP or TIFF picture",
            ),
        }),
    }
}

fn pixels(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The media type of bytes by how they begin.
fn sniff(head: &[u8]) -> &'static str {
    // Text that a browser would run comes first: some of it also looks like something harmless.
    if let Some(active) = active_text(head) {
        return active;
    }
    match infer::get(head) {
        Some(known) => known.mime_type(),
        None if plain_text(head) => "text/plain",
        None => UNKNOWN,
    }
}

/// Documents that may hold scripts.
fn active_text(head: &[u8]) -> Option<&'static str> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = text.trim_ascii_start();
    let beginning = text[..text.len().min(1024)].to_ascii_lowercase();
    let has = |part: &[u8]| memchr::memmem::find(&beginning, part).is_some();
    if beginning.starts_with(b"<svg") || ((beginning.starts_with(b"<?xml") || beginning.starts_with(b"<!")) && has(b"<svg")) {
        return Some("image/svg+xml");
    }
    if beginning.starts_with(b"<!doctype html")
        || ["<html", "<head", "<body", "<script", "<iframe", "<title"].iter().any(|tag| beginning.starts_with(tag.as_bytes()))
    {
        return Some("text/html");
    }
    (beginning.starts_with(b"<?xml") || beginning.starts_with(b"<!doctype")).then_some("text/xml")
}

fn plain_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The beginning may end within a character.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or(""),
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t' | '\x0c'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_the_bytes() {
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n...."), "image/png");
        assert_eq!(sniff(b"%PDF-1.7 ..."), "application/pdf");
        assert_eq!(sniff("你好，世界".as_bytes()), "text/plain");
        assert_eq!(sniff(&"你".as_bytes()[..2]), UNKNOWN);
        assert_eq!(sniff(b"\0\x01\x02"), UNKNOWN);
        assert_eq!(sniff(b""), UNKNOWN);
        for svg in ["<svg xmlns='x'>", " \n<?xml version='1.0'?><!-- c --><SVG>", "\u{feff}<!DOCTYPE svg PUBLIC><svg>"] {
            assert_eq!(sniff(svg.as_bytes()), "image/svg+xml", "{svg}");
        }
        for page in ["<!DOCTYPE HTML>", "\n <html>", "<script>alert(1)</script>"] {
            assert_eq!(sniff(page.as_bytes()), "text/html", "{page}");
        }
        assert_eq!(sniff(b"<?xml version='1.0'?><a/>"), "text/xml");
    }
}
