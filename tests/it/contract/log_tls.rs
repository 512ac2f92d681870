//! The log of a cluster over TLS and with credentials: only the right server is talked to, and only by who may.

use super::logs::{More, PATIENCE, Place, message, settings};
use super::stores::{cql, runtime, some_chat};
use crate::support::servers::{self, Servers};
use clarion::config::Secret;
use clarion::log::{Appended, JetStreamLog, JetStreamSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::Path;
use std::sync::mpsc;

/// A signer whose certificate is in a file of this name.
fn signer(folder: &Path, name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names are good names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let signer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key is made")).expect("it signs itself");
    std::fs::write(folder.join(name), signer.pem()).expect("the folder can be written");
    signer
}

/// Why the log is not reached.
async fn refusal(settings: &JetStreamSettings) -> String {
    let (told, why) = mpsc::sync_channel(16);
    let reaching = JetStreamLog::reach(settings, move |why| drop(told.try_send(why.to_owned())));
    let first = async {
        loop {
            if let Ok(why) = why.try_recv() {
                return why;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let outcome = async {
        tokio::select! {
            _ = reaching => panic!("it was reached"),
            why = first => why,
        }
    };
    tokio::time::timeout(PATIENCE, outcome).await.expect("it is told why the log is not reached")
}

#[test]
fn only_the_right_server_is_talked_to_and_only_by_who_may() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let servers = Servers::own("log-tls", &[]);
    // Its address is known when it was there once.
    let addresses = servers.up("nats");
    servers.down("nats", &[]);
    let host = addresses[0].split(':').next().expect("an address has a host").to_owned();
    let (ours, theirs) = (signer(folder.path(), "ours.pem"), signer(folder.path(), "theirs.pem"));
    drop(theirs);
    let key = KeyPair::generate().expect("a key is made");
    let certificate = CertificateParams::new(vec![host]).expect("an address is a good name").signed_by(&key, &ours).expect("it is signed");
    let (certificate_file, key_file) = (folder.path().join("server.pem"), folder.path().join("server.key"));
    std::fs::write(&certificate_file, certificate.pem()).expect("the folder can be written");
    std::fs::write(&key_file, key.serialize_pem()).expect("the folder can be written");
    let conf = folder.path().join("tls.conf");
    let lines = format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\" }}\nauthorization {{ user: clarion, password: \"right one\" }}\n",
        certificate_file.display(),
        key_file.display()
    );
    std::fs::write(&conf, lines).expect("the folder can be written");
    let servers = servers.with("NATS_CONF", &conf.display().to_string());
    assert_eq!(servers.up("nats"), addresses);

    let _entered = runtime().enter();
    let good = JetStreamSettings {
        user: Some(("clarion".into(), Secret::new("right one"))),
        ca: Some(folder.path().join("ours.pem")),
        ..settings(&addresses)
    };
    runtime().block_on(async {
        let place = Place::on(good.clone(), cql().clone()).await;
        let chat = some_chat();
        assert_eq!(place.append(message(chat, 1, 5, "over TLS"), 1, More::default()).await, Ok(Appended::New));
        assert_eq!(place.seqs(chat).await, [1]);

        let stranger = refusal(&JetStreamSettings { ca: Some(folder.path().join("theirs.pem")), ..good.clone() }).await;
        assert!(stranger.contains("certificate"), "a server that somebody else has signed: {stranger}");
        let wrong = Some(("clarion".into(), Secret::new("wrong one")));
        let refused = refusal(&JetStreamSettings { user: wrong, ..good.clone() }).await;
        assert!(refused.contains("authorization") && !refused.contains("wrong one"), "{refused}");
        let nobody = refusal(&JetStreamSettings { user: None, ..good.clone() }).await;
        assert!(nobody.contains("authorization"), "{nobody}");
        let missing = refusal(&JetStreamSettings { ca: Some(folder.path().join("missing.pem")), ..good.clone() }).await;
        assert!(missing.contains("No such file"), "{missing}");
        // A server that does not speak TLS is not talked to, and not told the password.
        refusal(&JetStreamSettings { servers: servers::nats().to_vec(), ..good.clone() }).await;
    });
    assert!(!format!("{good:?}").contains("right one"), "a password is not printed");
}
