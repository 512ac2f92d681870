//! The operator's commands on a cluster: people, tokens and apps are made in its store before and beside its nodes.

use super::{node, settings};
use crate::support::{Client, clarion};
use protocol::codec::Encoding;

/// A command of the operator with the settings of a cluster, on a folder that is not there.
fn operator(settings: &[(&'static str, String)], arguments: &[&str]) -> (bool, String) {
    let output = clarion().args(arguments).envs(settings.iter().map(|(name, value)| (*name, value))).output().expect("the binary runs");
    (output.status.success(), [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat())
}

#[tokio::test]
async fn people_tokens_and_apps_are_made_in_the_store_of_a_cluster() {
    let settings = settings().await;
    let folder = tempfile::TempDir::new().expect("a temporary folder can be made");
    let table = folder.path().join("people.csv");
    std::fs::write(&table, "user_id,name,email,department\nc1,One,one@example.com,Works\nc2,Two,two@example.com,Works/East\n")
        .expect("the table can be written");
    let path = table.to_str().expect("the path is text");
    let (done, said) = operator(&settings, &["people", "import", path, "--password-for-all", "secret-word"]);
    assert!(done && said.contains("2 people new"), "{said}");
    let (done, said) = operator(&settings, &["people", "import", path]);
    assert!(done && said.contains("2 as they were"), "the same table changes nothing: {said}");
    let (done, told) = operator(&settings, &["app", "create", "--name", "Payroll", "--scope", "im:chat"]);
    assert!(done && told.contains("app_secret: "), "{told}");
    let app_id = told.lines().find_map(|line| line.strip_prefix("app_id: ")).expect("the id is told").to_owned();
    let (_, token) = operator(&settings, &["token", "--user", "c2", "--device", "a-tool-of-c2"]);
    let (done, said) = operator(&settings, &["token", "--user", "nobody", "--device", "a-tool-of-c2"]);
    assert!(!done && said.contains("nobody has the id"), "{said}");

    let server = node(&settings).await;
    let mut client = Client::connected(server.address(), Encoding::Msgpack).await;
    client.hello(Some(token.trim()), "a-tool-of-c2", None).await.expect("the token is good on a node that started later");
    assert_eq!(client.welcome.me.name, "Two");
    // Beside the running node.
    let (done, said) = operator(&settings, &["app", "disable", &app_id]);
    assert!(done && said.contains("disabled"), "{said}");
    let (done, said) = operator(&settings, &["app", "list"]);
    assert!(done && said.contains(&format!("{app_id}\tdisabled\t1 scopes\tPayroll")), "{said}");
    let (done, said) = operator(&settings, &["check"]);
    assert!(!done && said.contains("data folder"), "{said}");
}
