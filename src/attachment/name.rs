//! File names that come from outside, made harmless.

/// Bytes of a file name; file systems take no more.
const NAME_BYTES_MAX: usize = 255;

/// A name without folders, control characters and characters that turn the direction of writing (with which
/// an `.exe` can be made to look like a `.pdf`); short enough for every file system, with its ending kept.
pub fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    let harmless: String = last.chars().filter(|character| !character.is_control() && !turns_direction(*character)).collect();
    let harmless = harmless.trim().trim_start_matches('.').trim();
    if harmless.is_empty() {
        return "file".into();
    }
    if harmless.len() <= NAME_BYTES_MAX {
        return harmless.to_owned();
    }
    let ending = harmless.rfind('.').map(|dot| &harmless[dot..]).filter(|ending| ending.len() <= 32).unwrap_or("");
    let stem = harmless.strip_suffix(ending).unwrap_or(harmless);
    let end = (0..=NAME_BYTES_MAX - ending.len()).rev().find(|end| stem.is_char_boundary(*end)).unwrap_or(0);
    format!("{}{ending}", &stem[..end])
}

fn turns_direction(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_neither_leave_its_folder_nor_lie_about_its_ending() {
        assert_eq!(clean("季度报告.pdf"), "季度报告.pdf");
        assert_eq!(clean("../../etc/passwd"), "passwd");
        assert_eq!(clean("C:\\Windows\\system32\\evil.exe"), "evil.exe");
        assert_eq!(clean("invoice\u{202e}fdp.exe"), "invoicefdp.exe");
        assert_eq!(clean("a\r\nSet-Cookie: x\0.txt"), "aSet-Cookie: x.txt");
        assert_eq!(clean(".htaccess"), "htaccess");
        for nothing in ["", "..", "/", "\u{202e}", " . "] {
            assert_eq!(clean(nothing), "file", "{nothing:?}");
        }
        let long = clean(&format!("{}.pdf", "长".repeat(200)));
        assert!(long.len() <= NAME_BYTES_MAX && long.ends_with("长.pdf"));
        assert!(clean(&format!("x.{}", "y".repeat(400))).len() <= NAME_BYTES_MAX);
    }
}
