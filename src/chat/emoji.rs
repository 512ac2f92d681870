//! The names of emoji that the open platform has published. They are case-sensitive.

/// One name a line, in the order of their bytes.
const PUBLISHED: &str = include_str!("emoji.txt");

/// Is this a published name?
pub fn published(name: &str) -> bool {
    !name.is_empty() && PUBLISHED.lines().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn names_count_letter_by_letter() {
        assert!(published("THUMBSUP") && published("ThumbsDown") && published("2022") && published("Status_PrivateMessage"));
        for unknown in ["", "thumbsup", "THUMBSUP\nOK", "\n", "SMIL"] {
            assert!(!published(unknown), "{unknown:?}");
        }
    }

    #[test]
    fn every_name_is_one_that_people_can_react_with_and_stands_once() {
        let names: Vec<&str> = PUBLISHED.lines().collect();
        assert!(names.len() > 150 && names.is_sorted_by(|one, other| one < other));
        for name in names {
            assert!(
                name.len() <= limits::EMOJI_BYTES_MAX && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
                "{name}"
            );
        }
    }
}
