//! What others see of the organisation.

use super::*;
use crate::store::SqliteStore;
use protocol::error::ErrorCode;

async fn open(folder: &std::path::Path) -> (SqliteStore, Directory) {
    let store = SqliteStore::open(folder).unwrap();
    (store.clone(), Directory::load(Arc::new(store)).await.unwrap())
}

fn person(id: &str, name: &str, department: Option<&str>) -> PersonEntry {
    PersonEntry {
        departments: department.map(str::to_owned).into_iter().collect(),
        email: Some(format!("{id}@corp.example")),
        ..PersonEntry::new(id, name, PersonKind::Person)
    }
}

fn department(id: &str, parent: &str) -> DepartmentEntry {
    DepartmentEntry::new(id, format!("name of {id}"), parent)
}

#[tokio::test]
async fn the_organisation_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (store, directory) = open(folder.path()).await;
    directory.upsert_departments(vec![department("a", "0"), department("b", "a")]).await.unwrap();
    let people = vec![person("e1", "张三", Some("b")), person("e2", "Anna Lind", Some("a")), person("e3", "Bo", None)];
    assert_eq!(directory.upsert_people(people.clone()).await.unwrap().created, 3);
    assert_eq!(directory.upsert_people(people).await.unwrap(), Upserted { unchanged: 3, ..Upserted::default() });
    directory.set_presence_hidden(1, true).await.unwrap();
    drop(directory);
    store.close();
    let (_store, directory) = open(folder.path()).await;
    directory.name_organisation("Example");
    let index = directory.index("e1").unwrap();
    assert_eq!((index, &*directory.user_id(index)), (0, "e1"));
    assert_eq!(directory.card(index).departments, ["name of a", "name of b"]);
    assert_eq!((directory.card(index).email, directory.profile(index).email.as_deref()), (None, Some("e1@corp.example")));
    assert!(directory.presence_hidden(1) && !directory.presence_hidden(0));
    assert_eq!(directory.by_email("E2@Corp.example"), Some(1));
    assert_eq!(directory.people_in("0"), [2]);
    assert_eq!(directory.people_in("a"), [1]);
    assert_eq!(directory.everyone_below("a").iter().collect::<Vec<_>>(), [0, 1]);
    assert_eq!((directory.count_below("0"), directory.everyone().len()), (3, 3));
    assert_eq!(directory.department("0").unwrap().name, "Example");
    assert_eq!(directory.children("0")[0].department_id, "a");
    assert_eq!(directory.search("lind", 5, None).people, [1]);
    assert!(directory.resigned(99) && directory.card(99).resigned && directory.entry(99).is_none());
}

#[tokio::test]
async fn somebody_who_moves_leaves_and_is_followed_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, directory) = open(folder.path()).await;
    directory.upsert_departments(vec![department("a", "0"), department("b", "0")]).await.unwrap();
    let mut first = PersonEntry { mobile: Some("+86 138-0000-0001".into()), ..person("e1", "张三", Some("a")) };
    directory.upsert_people(vec![first.clone()]).await.unwrap();
    assert_eq!(directory.by_mobile("13800000001"), Some(0));
    first.departments = vec!["b".into()];
    directory.upsert_people(vec![first.clone()]).await.unwrap();
    assert_eq!((directory.people_in("a").len(), directory.people_in("b")), (0, vec![0]));

    let second = PersonEntry { mobile: Some("13800000001".into()), ..person("e2", "李四", Some("a")) };
    let refused = directory.upsert_people(vec![second.clone()]).await.unwrap_err();
    assert_eq!((refused.code, refused.why.as_str()), (ErrorCode::InvalidValue, "`e1` has the same"));
    first.resigned = true;
    directory.upsert_people(vec![first]).await.unwrap();
    assert_eq!((directory.people_in("b").len(), directory.everyone().len(), directory.search("张三", 5, None).people.len()), (0, 0, 0));
    assert_eq!(directory.by_mobile("13800000001"), Some(0), "nobody else has it yet");
    directory.upsert_people(vec![second]).await.unwrap();
    assert_eq!(directory.by_mobile("+8613800000001"), Some(1));
    assert_eq!(directory.by_email("e1@corp.example"), Some(0));
}

#[tokio::test]
async fn a_list_with_one_mistake_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, directory) = open(folder.path()).await;
    let good = person("e1", "张三", None);
    let mistakes = [
        PersonEntry { user_id: "e 2".into(), ..good.clone() },
        PersonEntry { user_id: "cli_1".into(), ..good.clone() },
        PersonEntry { user_id: "all".into(), ..good.clone() },
        PersonEntry { email: Some("x".into()), ..person("e2", "x", None) },
        PersonEntry { mobile: Some("x".into()), ..person("e2", "x", None) },
        PersonEntry { name: " ".into(), ..person("e2", "x", None) },
        PersonEntry { title: Some("a\u{1f}b".into()), ..person("e2", "x", None) },
        person("e2", "x", Some("nowhere")),
        PersonEntry { email: good.email.clone(), ..person("e2", "x", None) },
        good.clone(),
    ];
    for mistake in mistakes {
        let error = directory.upsert_people(vec![good.clone(), mistake.clone()]).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidValue, "{mistake:?}");
    }
    for circle in [vec![department("a", "a")], vec![department("a", "b"), department("b", "a")], vec![department("a", "nowhere")]] {
        assert_eq!(directory.upsert_departments(circle).await.unwrap_err().code, ErrorCode::InvalidValue);
    }
    assert!(directory.is_empty() && directory.children("0").is_empty());
}
