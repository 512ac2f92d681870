//! The people of a run: written for the server's import, and read back with their tokens.

use crate::fleet::Identity;
use std::fmt::Write as _;
use std::path::Path;

/// Device of every token.
pub const DEVICE: &str = "loadtest";

/// Staff number of the n-th.
pub fn user_id(number: u32) -> String {
    format!("load{number:06}")
}

/// The table for `clarion people import`.
pub fn csv(people: u32) -> String {
    let mut table = String::from("user_id,name,email,department\n");
    for number in 0..people {
        let user = user_id(number);
        let _ = writeln!(table, "{user},Load {number},{user}@load.example,Load/Part {}", number / 1_000);
    }
    table
}

/// Reads `user_id<TAB>token` lines.
pub fn read_tokens(text: &str) -> Result<Vec<Identity>, String> {
    let mut identities = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let (user, token) =
            line.split_once('\t').ok_or_else(|| format!("line {} of the tokens has no tab between user and token", number + 1))?;
        identities.push(Identity { user: user.into(), token: token.trim_end().into() });
    }
    Ok(identities)
}

/// Reads the tokens of a file, as many as are needed.
pub fn tokens_from(file: &Path, people: u32) -> Result<Vec<Identity>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    first_of(read_tokens(&text)?, people)
}

/// The first `people` of them.
pub fn first_of(mut identities: Vec<Identity>, people: u32) -> Result<Vec<Identity>, String> {
    if identities.len() < people as usize {
        return Err(format!(
            "there are {} tokens and {people} people are asked for: make more tokens, or ask for fewer with --people",
            identities.len()
        ));
    }
    identities.truncate(people as usize);
    Ok(identities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_and_too_few_are_told() {
        let read = read_tokens("load000000\tabc\nload000001\tdef\n\n").unwrap();
        assert_eq!((read.len(), &*read[1].user, &*read[1].token), (2, "load000001", "def"));
        assert!(first_of(read, 3).unwrap_err().contains("2 tokens"));
        assert!(read_tokens("no tab").is_err());
        assert_eq!(csv(2).lines().count(), 3);
    }
}
