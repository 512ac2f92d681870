//! What comes of a table, good or bad.

use super::*;
use proptest::prelude::*;

struct Office(Opened, #[allow(dead_code)] tempfile::TempDir);

async fn office() -> Office {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { data: folder.path().join("data"), ..Config::default() };
    Office(Opened::open(&config).await.unwrap(), folder)
}

impl Office {
    async fn import(&self, table: &str) -> Summary {
        import_from(&self.0, table.as_bytes(), None).await.unwrap()
    }
}

#[tokio::test]
async fn a_table_is_taken_once_however_often_it_comes() {
    let office = office().await;
    let table = "\u{feff}user_id, name ,email,department,leader,title\ne1,张三,z@x.example,集团/财务部,,\"总监, 财务\"\ne2,李四,,集团/财务部;集团/工会,e1,\n";
    let summary = office.import(table).await;
    assert_eq!((summary.rows, summary.created, summary.departments_created, summary.objections), (2, 2, 3, 0), "{summary:?}");
    let again = office.import(table).await;
    assert_eq!((again.created, again.changed, again.unchanged, again.departments_created), (0, 0, 2, 0));
    let directory = &office.0.directory;
    let second = directory.profile(1);
    assert_eq!((second.departments.join("/"), second.leader.as_deref(), second.title), ("集团/财务部".into(), Some("e1"), None));
    assert_eq!(directory.people_in(&department_id_of(&["集团", "工会"])), [1]);
    assert_eq!(directory.profile(0).title.as_deref(), Some("总监, 财务"));
}

#[tokio::test]
async fn a_column_that_is_missing_changes_nothing_and_an_empty_cell_clears() {
    let office = office().await;
    office.import("user_id,name,email,title\ne1,张三,z@x.example,总监\n").await;
    office.0.directory.set_presence_hidden(0, true).await.unwrap();
    assert_eq!(office.import("user_id,name,title\ne1,张三,\n").await.changed, 1);
    let profile = office.0.directory.profile(0);
    assert_eq!((profile.email.as_deref(), profile.title), (Some("z@x.example"), None));
    assert!(office.0.directory.presence_hidden(0));
    assert_eq!(office.import("user_id,name,resigned\ne1,张三,是\n").await.changed, 1);
    assert!(office.0.directory.resigned(0));
}

#[tokio::test]
async fn a_bad_row_is_told_with_its_line_and_the_others_go_on() {
    let office = office().await;
    office.import("user_id,name,email,mobile\nold,旧,old@x.example,13800000000\n").await;
    let mut table = b"user_id,name,email,mobile,department,leader,shoe_size\n\
        e1,\xe5\xbc\xa0\xe4\xb8\x89,a@x.example,13800000001,A/B,,44\n\
        ,nobody,,,,,\n\
        e3,,,,,,\n\
        e4,four,not-an-address,,,,\n\
        e5,five,A@X.example,,,,\n\
        e6,six,,+86 138 0000 0001,,,\n\
        e7,seven,old@x.example,,,,\n\
        e8,eight,,,A//B,,\n\
        e1,again,,,,,\n\
        e9,nine,,,,nobody-known,\n\
        e10,ten,,,,,,one,too,many\n\
        e11,"
        .to_vec();
    table.extend_from_slice(b"\xd5\xc5,,,,,\n");
    table.extend_from_slice(b"\"e12\",\"twelve\nlines\",,,,,\ne13,thirteen,,,,,\n");
    let summary = import_from(&office.0, table.as_slice(), None).await.unwrap();
    let told = summary.told.join("\n");
    for expected in [
        "line 1: the column `shoe_size` is not known",
        "line 3: the field `user_id`",
        "line 4: the field `name`",
        "line 5: the field `email` has a value that is not allowed: it must be an e-mail address, and is \"not-an-address\"",
        "line 6: the email a@x.example stands in line 2 already",
        "line 7: the mobile 13800000001 stands in line 2 already",
        "line 8: the email old@x.example is `old`'s",
        "line 9: the column `department` is a path",
        "line 10: `e1` stands in line 2 already",
        "line 11: the leader `nobody-known` is nobody yet",
        "line 12: it has 10 columns, and the header 7",
        "line 13: the column `name` is not UTF-8",
        "line 14: the field `name`",
    ] {
        assert!(told.contains(expected), "{expected}\n--\n{told}");
    }
    assert_eq!((summary.rows, summary.refused, summary.created, summary.objections), (14, 11, 3, 13), "{told}");
    assert!(office.0.directory.index("e13").is_some());
}

#[tokio::test]
async fn two_people_may_change_their_addresses_in_one_table() {
    let office = office().await;
    office.import("user_id,name,email\ne1,a,a@x.example\ne2,b,b@x.example\n").await;
    assert_eq!(office.import("user_id,name,email\ne1,a,b@x.example\ne2,b,a@x.example\n").await.changed, 2);
    assert_eq!(office.0.directory.by_email("a@x.example"), Some(1));
    assert_eq!(office.0.directory.by_email("b@x.example"), Some(0));
}

#[tokio::test]
async fn passwords_come_in_clear_as_a_hash_or_one_for_all() {
    use protocol::command::SignIn;
    use protocol::person::DeviceKind;
    let office = office().await;
    let hash = password::hash("known to HR").unwrap();
    let table = format!("user_id,name,password\ne1,a,secret one\ne2,b,\"{hash}\"\ne3,c,\n");
    assert_eq!(import_from(&office.0, table.as_bytes(), None).await.unwrap().passwords, 2);
    assert_eq!(import_from(&office.0, table.as_bytes(), None).await.unwrap().passwords, 0, "they are so already");
    let without = "user_id,name\ne1,a\ne2,b\ne3,c\n";
    office.import(without).await;
    let sign_in = async |login: &str, password: &str| {
        let sign_in = SignIn {
            login: login.into(),
            password: password.into(),
            device_id: "device-1".into(),
            device_kind: DeviceKind::Tool,
            device_name: String::new(),
        };
        office.0.auth.sign_in(sign_in, "127.0.0.1".parse().unwrap()).await.is_ok()
    };
    assert!(sign_in("e1", "secret one").await && sign_in("e2", "known to HR").await && !sign_in("e3", "").await);
    assert_eq!(import_from(&office.0, without.as_bytes(), Some("same")).await.unwrap().passwords, 3);
    assert_eq!(import_from(&office.0, without.as_bytes(), Some("same")).await.unwrap().passwords, 0);
    assert!(sign_in("e3", "same").await && !sign_in("e1", "secret one").await);
    let bad = import_from(&office.0, "user_id,name,password\ne4,d,$argon2id$x\n".as_bytes(), None).await.unwrap();
    assert_eq!((bad.refused, bad.told[0].as_str()), (1, "line 2: the column `password` begins like an argon2 hash and is none"));
}

#[tokio::test]
async fn a_table_without_its_columns_is_refused_whole() {
    let office = office().await;
    for (table, expected) in
        [("", "the table is empty"), ("name\nx\n", "no column `user_id`"), ("user_id,name,name\n", "the column `name` twice")]
    {
        assert!(import_from(&office.0, table.as_bytes(), None).await.unwrap_err().contains(expected), "{table}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_bytes_are_taken_or_told_and_the_same_again_changes_nothing(rows in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..20)) {
        let mut table = b"user_id,name,email,department\n".to_vec();
        for (i, row) in rows.iter().enumerate() {
            table.extend_from_slice(format!("e{i},").as_bytes());
            table.extend_from_slice(row);
            table.push(b'\n');
        }
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let office = office().await;
            let first = import_from(&office.0, table.as_slice(), None).await.unwrap();
            prop_assert_eq!(first.created + first.refused, first.rows);
            let second = import_from(&office.0, table.as_slice(), None).await.unwrap();
            prop_assert_eq!((second.created, second.changed, second.unchanged, second.refused), (0, 0, first.created, first.refused));
            Ok(())
        })?;
    }
}
