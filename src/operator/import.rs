//! `clarion people import`: people and departments from a table, as often as wanted.
//!
//! The same table again changes nothing. A row that cannot be taken is told with its line, and the others go on.

use super::{Opened, print};
use crate::auth::password;
use crate::config::Config;
use crate::directory::{DepartmentEntry, Directory, PersonEntry, ROOT, UserIndex, check_department, check_person, department_id_of};
use crate::error::clip;
use crate::limits::PEOPLE_PER_WRITE;
use crate::store::{Table, tables};
use protocol::person::PersonKind;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

/// Rows that cannot be taken and are told one by one; of the others only the number.
const TOLD_MAX: usize = 1_000;
/// Columns that are known, in the order of the documents.
const COLUMNS: [&str; 10] = ["user_id", "name", "en_name", "email", "mobile", "department", "title", "leader", "password", "resigned"];

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Rows read, without the header.
    pub rows: usize,
    /// New people.
    pub created: usize,
    /// People who are different now.
    pub changed: usize,
    /// People who were so already.
    pub unchanged: usize,
    /// Rows that could not be taken.
    pub refused: usize,
    /// New departments.
    pub departments_created: usize,
    /// Passwords set.
    pub passwords: usize,
    /// What was objected to, with its line; the first thousand.
    pub told: Vec<String>,
    /// Warnings and refusals in all.
    pub objections: usize,
}

impl Summary {
    fn tell(&mut self, sentence: String) {
        self.objections += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(sentence);
        }
    }

    fn refuse(&mut self, line: u64, why: impl std::fmt::Display) {
        self.refused += 1;
        self.tell(format!("line {line}: {why}"));
    }
}

/// Imports a file and prints what came of it.
///
/// # Errors
/// One sentence: the file or the folder cannot be read, or no row could be taken.
pub async fn import(config: &Config, file: &Path, password_for_all: Option<&str>) -> Result<(), String> {
    let source = std::fs::File::open(file).map_err(|error| format!("the file {} cannot be read: {error}", file.display()))?;
    let opened = Opened::open(config).await?;
    let imported = import_from(&opened, source, password_for_all).await;
    opened.close().await?;
    let summary = imported.map_err(|why| format!("{}: {why}", file.display()))?;
    for sentence in &summary.told {
        eprintln!("{}: {sentence}", file.display());
    }
    if summary.objections > summary.told.len() {
        eprintln!("{}: and {} more", file.display(), summary.objections - summary.told.len());
    }
    print(&format!(
        "{} rows: {} people new, {} changed, {} as they were, {} refused; {} departments new; {} passwords set; {} warnings\n",
        summary.rows,
        summary.created,
        summary.changed,
        summary.unchanged,
        summary.refused,
        summary.departments_created,
        summary.passwords,
        summary.objections - summary.refused
    ))?;
    if summary.refused == summary.rows {
        return Err(format!("{}: none of {} rows could be taken", file.display(), summary.rows));
    }
    Ok(())
}

/// One row that can be taken so far.
struct Taken {
    line: u64,
    person: PersonEntry,
    /// Paths of the departments, from the top.
    departments: Vec<Vec<String>>,
    password: Option<String>,
}

async fn import_from(opened: &Opened, source: impl Read, password_for_all: Option<&str>) -> Result<Summary, String> {
    let mut summary = Summary::default();
    let mut rows = read_rows(&opened.directory, source, &mut summary)?;
    drop_taken_addresses(&opened.directory, &mut rows, &mut summary);
    warn_of_unknown_leaders(&opened.directory, &rows, &mut summary);

    let departments = new_departments(&opened.directory, &rows);
    let say = |error: crate::error::Error| error.to_string();
    summary.departments_created = opened.directory.upsert_departments(departments).await.map_err(say)?.created;
    let mut passwords = Vec::new();
    let mut people = Vec::with_capacity(rows.len());
    for row in rows {
        if password_for_all.is_some() || row.password.is_some() {
            passwords.push((row.person.user_id.clone(), row.line, row.password));
        }
        people.push(row.person);
    }
    let upserted = opened.directory.upsert_people(people).await.map_err(say)?;
    (summary.created, summary.changed, summary.unchanged) = (upserted.created, upserted.changed, upserted.unchanged);
    set_passwords(opened, passwords, password_for_all, &mut summary).await?;
    Ok(summary)
}

/// Which column stands where.
struct Header(BTreeMap<&'static str, usize>);

impl Header {
    fn read(record: &csv::ByteRecord, summary: &mut Summary) -> Result<Self, String> {
        let mut columns = BTreeMap::new();
        for (at, cell) in record.iter().enumerate() {
            let cell = cell.strip_prefix(b"\xef\xbb\xbf").unwrap_or(cell);
            let name = String::from_utf8_lossy(cell).trim().to_lowercase();
            match COLUMNS.iter().find(|known| **known == name) {
                Some(known) if columns.insert(*known, at).is_some() => return Err(format!("the header has the column `{known}` twice")),
                Some(_) => {}
                None => summary.tell(format!(
                    "line 1: the column `{}` is not known and left out; known are {}",
                    clip(&name),
                    COLUMNS.join(", ")
                )),
            }
        }
        match ["user_id", "name"].iter().find(|needed| !columns.contains_key(*needed)) {
            Some(missing) => Err(format!("the header has no column `{missing}`; known are {}", COLUMNS.join(", "))),
            None => Ok(Self(columns)),
        }
    }

    /// A cell: none when there is no such column, and then what is known stays.
    fn cell<'a>(&self, record: &'a csv::ByteRecord, column: &str) -> Option<Result<&'a str, String>> {
        let at = *self.0.get(column)?;
        let cell = record.get(at).unwrap_or_default();
        Some(
            std::str::from_utf8(cell)
                .map(str::trim)
                .map_err(|_| format!("the column `{column}` is not UTF-8; save the table as \"CSV UTF-8\"")),
        )
    }
}

fn read_rows(directory: &Directory, source: impl Read, summary: &mut Summary) -> Result<Vec<Taken>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 18).from_reader(source);
    let mut record = csv::ByteRecord::new();
    let broken = |error: csv::Error| format!("the table cannot be read: {error}");
    if !reader.read_byte_record(&mut record).map_err(broken)? {
        return Err("the table is empty; its first line must name the columns".into());
    }
    let header = Header::read(&record, summary)?;
    let width = record.len();
    let mut rows = Vec::new();
    let mut lines: HashMap<String, u64> = HashMap::new();
    while reader.read_byte_record(&mut record).map_err(broken)? {
        let line = record.position().map_or(0, csv::Position::line);
        summary.rows += 1;
        if record.len() > width {
            summary.refuse(line, format!("it has {} columns, and the header {width}; put cells with a comma into quotes", record.len()));
            continue;
        }
        match read_row(directory, &header, &record, line) {
            Ok(row) => match lines.insert(row.person.user_id.clone(), line) {
                Some(first) => {
                    lines.insert(row.person.user_id.clone(), first);
                    summary.refuse(line, format!("`{}` stands in line {first} already", row.person.user_id));
                }
                None => rows.push(row),
            },
            Err(why) => summary.refuse(line, why),
        }
    }
    Ok(rows)
}

fn read_row(directory: &Directory, header: &Header, record: &csv::ByteRecord, line: u64) -> Result<Taken, String> {
    let cell = |column: &str| header.cell(record, column).transpose();
    let user_id = cell("user_id")?.unwrap_or_default();
    let name = cell("name")?.unwrap_or_default();
    let known = directory.index(user_id).and_then(|index| directory.entry(index));
    let mut person = known.map_or_else(|| PersonEntry::new(user_id, name, PersonKind::Person), |entry| (*entry).clone());
    person.name = name.to_owned();
    let texts = [
        ("en_name", &mut person.en_name),
        ("email", &mut person.email),
        ("mobile", &mut person.mobile),
        ("title", &mut person.title),
        ("leader", &mut person.leader),
    ];
    for (column, field) in texts {
        if let Some(text) = cell(column)? {
            *field = (!text.is_empty()).then(|| text.to_owned());
        }
    }
    if let Some(text) = cell("resigned")? {
        person.resigned = match text.to_lowercase().as_str() {
            "" | "0" | "no" | "false" | "否" => false,
            "1" | "yes" | "true" | "是" => true,
            other => return Err(format!("the column `resigned` is yes or no, and not \"{}\"", clip(other))),
        };
    }
    let mut departments = Vec::new();
    if let Some(text) = cell("department")? {
        person.departments.clear();
        for path in text.split(';').filter(|path| !path.trim().is_empty()) {
            let parts = department_path(path)?;
            let id = department_of(directory, &parts.iter().map(String::as_str).collect::<Vec<_>>());
            if !person.departments.contains(&id) {
                person.departments.push(id);
                departments.push(parts);
            }
        }
    }
    let password = cell("password")?.filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(password) = &password
        && password.starts_with("$argon2")
        && !password::is_hash(password)
    {
        return Err("the column `password` begins like an argon2 hash and is none".into());
    }
    check_person(&person).map_err(|error| format!("{}: {}", error.what, error.why))?;
    Ok(Taken { line, person, departments, password })
}

/// The department at a path of names: the one that has this place now, whoever made it, else the one that the path makes.
fn department_of(directory: &Directory, path: &[&str]) -> String {
    directory.department_at(path).unwrap_or_else(|| department_id_of(path))
}

/// The names of a path, from the top; each can be taken.
fn department_path(path: &str) -> Result<Vec<String>, String> {
    let parts: Vec<String> = path.trim().trim_matches('/').split('/').map(|part| part.trim().to_owned()).collect();
    for part in &parts {
        let entry = DepartmentEntry::new("od-x", part.clone(), ROOT);
        check_department(&entry)
            .map_err(|_| format!("the column `department` is a path such as \"Company/Finance\", and not \"{}\"", clip(path)))?;
    }
    if parts.len() >= crate::limits::DEPARTMENT_DEPTH_MAX {
        return Err(format!("the department is {} deep, the limit is {}", parts.len(), crate::limits::DEPARTMENT_DEPTH_MAX - 1));
    }
    Ok(parts)
}

/// Drops rows whose e-mail or mobile number somebody else has: of two in the table the later one; and those of somebody
/// who is known already and does not give it up in this table.
fn drop_taken_addresses(directory: &Directory, rows: &mut Vec<Taken>, summary: &mut Summary) {
    loop {
        let mut refused: HashMap<usize, String> = HashMap::new();
        let ids: HashMap<&str, ()> = rows.iter().map(|row| (row.person.user_id.as_str(), ())).collect();
        type Of = fn(&PersonEntry) -> Option<String>;
        type Holder = fn(&Directory, &str) -> Option<UserIndex>;
        let fields: [(&str, Of, Holder); 2] = [
            ("email", |person| person.email.as_deref().map(crate::directory::email_key), Directory::by_email),
            ("mobile", |person| person.mobile.as_deref().map(crate::directory::mobile_key), Directory::by_mobile),
        ];
        for (field, of, holder) in fields {
            let mut first: HashMap<String, u64> = HashMap::with_capacity(rows.len());
            for (at, row) in rows.iter().enumerate().filter(|(_, row)| !row.person.resigned) {
                let Some(key) = of(&row.person) else { continue };
                let held = holder(directory, &key).filter(|index| !directory.resigned(*index)).map(|index| directory.user_id(index));
                if let Some(other) = held.filter(|other| **other != *row.person.user_id && !ids.contains_key(&**other)) {
                    refused.insert(at, format!("the {field} {} is `{other}`'s", clip(&key)));
                } else if let Some(line) = first.get(&key) {
                    refused.insert(at, format!("the {field} {} stands in line {line} already", clip(&key)));
                } else {
                    first.insert(key, row.line);
                }
            }
        }
        if refused.is_empty() {
            return;
        }
        let mut at = 0;
        rows.retain(|row| {
            let why = refused.remove(&at);
            at += 1;
            why.is_none_or(|why| {
                summary.refuse(row.line, why);
                false
            })
        });
    }
}

fn warn_of_unknown_leaders(directory: &Directory, rows: &[Taken], summary: &mut Summary) {
    let ids: HashMap<&str, ()> = rows.iter().map(|row| (row.person.user_id.as_str(), ())).collect();
    for row in rows {
        if let Some(leader) = &row.person.leader
            && !ids.contains_key(leader.as_str())
            && directory.index(leader).is_none()
        {
            summary.tell(format!("line {}: the leader `{}` is nobody yet", row.line, clip(leader)));
        }
    }
}

/// Departments of the rows that do not exist yet, each with all above it.
fn new_departments(directory: &Directory, rows: &[Taken]) -> Vec<DepartmentEntry> {
    let mut made: BTreeMap<Vec<&str>, DepartmentEntry> = BTreeMap::new();
    for path in rows.iter().flat_map(|row| &row.departments) {
        for depth in (1..=path.len()).rev() {
            let parts: Vec<&str> = path[..depth].iter().map(String::as_str).collect();
            if made.contains_key(&parts) {
                break;
            }
            let department_id = department_of(directory, &parts);
            if directory.department(&department_id).is_some() {
                break;
            }
            let parent = department_of(directory, &parts[..depth - 1]);
            made.insert(parts.clone(), DepartmentEntry::new(department_id, path[depth - 1].clone(), parent));
        }
    }
    made.into_values().collect()
}

/// Sets passwords that are not so already. Those given as an argon2 hash are taken as they are.
async fn set_passwords(
    opened: &Opened,
    passwords: Vec<(String, u64, Option<String>)>,
    for_all: Option<&str>,
    summary: &mut Summary,
) -> Result<(), String> {
    if passwords.is_empty() {
        return Ok(());
    }
    let say = |error: crate::error::Error| error.to_string();
    let mut kept: HashMap<UserIndex, String> = HashMap::new();
    for (partition, _, value) in opened.store.all(Table::Passwords).await.map_err(say)? {
        if let (Some(user), Ok(hash)) = (tables::read_u32(&partition, 0), String::from_utf8(value)) {
            kept.insert(user, hash);
        }
    }
    // One hash for all, and the one of an earlier import where it fits, so that the same import again writes nothing.
    let shared = match for_all {
        None => None,
        Some(text) => {
            let earlier = passwords.first().and_then(|(user_id, _, _)| opened.directory.index(user_id)).and_then(|user| kept.get(&user));
            Some(match earlier.filter(|hash| password::matches(text, hash)) {
                Some(hash) => hash.clone(),
                None => password::hash(text).map_err(say)?,
            })
        }
    };
    let mut wanted = Vec::with_capacity(passwords.len());
    for (user_id, line, text) in passwords {
        if let Some(user) = opened.directory.index(&user_id) {
            wanted.push((user, line, text));
        }
    }
    let known: std::sync::Arc<HashMap<UserIndex, String>> = std::sync::Arc::new(kept);
    let (mut done, all) = (0, wanted.len());
    while !wanted.is_empty() {
        let part: Vec<_> = wanted.drain(..wanted.len().min(PEOPLE_PER_WRITE)).collect();
        done += part.len();
        let (known, shared) = (known.clone(), shared.clone());
        let hashed = tokio::task::spawn_blocking(move || hash_all(&part, &known, shared.as_deref()))
            .await
            .map_err(|error| format!("passwords could not be hashed: {error}"))?;
        let mut writes = Vec::new();
        for hashed in hashed {
            match hashed {
                Ok((user, hash)) => writes.push(password::put_hash(user, &hash)),
                Err((line, why)) => summary.tell(format!("line {line}: no password was set: {why}")),
            }
        }
        summary.passwords += writes.len();
        if !writes.is_empty() {
            opened.store.write(writes).await.map_err(say)?;
        }
        if for_all.is_none() && all > PEOPLE_PER_WRITE {
            eprintln!("passwords: {done} of {all}");
        }
    }
    Ok(())
}

/// A hash to be written, or the line and why there is none.
type Hashed = Result<(UserIndex, String), (u64, String)>;

/// Hashes passwords on all cores; those that are so already are left out.
fn hash_all(part: &[(UserIndex, u64, Option<String>)], known: &HashMap<UserIndex, String>, shared: Option<&str>) -> Vec<Hashed> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let one = |(user, line, text): &(UserIndex, u64, Option<String>)| -> Option<Hashed> {
        let before = known.get(user).map(String::as_str);
        let hash = match text {
            Some(text) if password::is_hash(text) => text.clone(),
            Some(text) if before.is_some_and(|hash| password::matches(text, hash)) => return None,
            Some(text) => match password::hash(text) {
                Ok(hash) => hash,
                Err(error) => return Some(Err((*line, error.why))),
            },
            None => shared?.to_owned(),
        };
        (before != Some(&hash)).then_some(Ok((*user, hash)))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = part
            .chunks(part.len().div_ceil(cores).max(1))
            .map(|chunk| scope.spawn(move || chunk.iter().filter_map(one).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

#[cfg(test)]
mod tests;
