//! Sign-in as people and thieves meet it.

use super::*;
use crate::directory::PersonEntry;
use crate::limits::{DEVICES_MAX, REFRESH_GRACE_MS};
use crate::store::SqliteStore;
use protocol::command::SignIn;
use protocol::error::{CloseCode, ErrorCode};
use protocol::person::{DeviceKind, PersonKind};
use std::net::{IpAddr, Ipv4Addr};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Office {
    folder: tempfile::TempDir,
    store: SqliteStore,
    directory: Directory,
    clock: Clock,
    auth: Auth,
}

async fn office() -> Office {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let directory = Directory::load(Arc::new(store.clone())).await.unwrap();
    let mut person = PersonEntry::new("e1", "张三", PersonKind::Person);
    person.email = Some("zhang@corp.example".into());
    directory.upsert_people(vec![person, PersonEntry::new("e2", "李四", PersonKind::Person)]).await.unwrap();
    let clock = Clock::default();
    let auth = Auth::load(Arc::new(store.clone()), directory.clone(), clock.clone(), &Config::default()).await.unwrap();
    auth.set_password(0, "demo".into()).await.unwrap();
    Office { folder, store, directory, clock, auth }
}

fn login(login: &str, password: &str, device_id: &str) -> SignIn {
    SignIn {
        login: login.into(),
        password: password.into(),
        device_id: device_id.into(),
        device_kind: DeviceKind::Browser,
        device_name: "Chromium\n on Linux".into(),
    }
}

#[tokio::test]
async fn a_person_signs_in_by_number_or_e_mail_and_nobody_else() {
    let Office { auth, clock, .. } = office().await;
    let (user, tokens) = auth.sign_in(login(" e1 ", "demo", "device-1"), HERE).await.unwrap();
    assert_eq!(user, 0);
    let principal = auth.verify(&tokens.access_token).unwrap();
    assert_eq!((principal.user, principal.device_id.as_str()), (0, "device-1"));
    assert!(auth.sign_in(login("Zhang@corp.example", "demo", "device-2"), HERE).await.is_ok());
    for (name, password) in [("e1", "Demo"), ("e2", "demo"), ("e2", ""), ("nobody", "demo"), ("", "")] {
        assert_eq!(auth.sign_in(login(name, password, "device-1"), HERE).await.unwrap_err(), SignInRefused::WrongLogin, "{name}");
    }
    assert!(matches!(auth.sign_in(login("e1", "demo", "short"), HERE).await, Err(SignInRefused::InvalidDevice(_))));
    assert_eq!(auth.verify("at-nonsense"), Err(CloseCode::TokenInvalid));
    assert_eq!(auth.verify(&tokens.refresh_token), Err(CloseCode::TokenInvalid));
    clock.turn(31 * 60_000);
    assert_eq!(auth.verify(&tokens.access_token), Err(CloseCode::TokenExpired));
    assert!(!format!("{tokens:?}").contains(&tokens.access_token));
    let devices = auth.devices(0).await.unwrap();
    assert_eq!(devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>(), ["Chromium on Linux"; 2]);
}

#[tokio::test]
async fn a_signed_out_device_is_refused_at_once_and_after_a_restart() {
    let Office { folder: _folder, auth, store, directory, clock } = office().await;
    let mut revocations = auth.revocations();
    let (_, phone) = auth.sign_in(login("e1", "demo", "phone-01"), HERE).await.unwrap();
    let (_, laptop) = auth.sign_in(login("e1", "demo", "laptop-1"), HERE).await.unwrap();
    auth.sign_out(0, "phone-01").await.unwrap();
    assert_eq!(revocations.try_recv().unwrap(), (0, "phone-01".to_string()));
    assert_eq!(auth.sign_out(0, "phone-01").await.unwrap_err().code, ErrorCode::DeviceNotFound);
    let again = Auth::load(Arc::new(store), directory, clock, &Config::default()).await.unwrap();
    for auth in [&auth, &again] {
        assert_eq!(auth.verify(&phone.access_token), Err(CloseCode::DeviceRevoked));
        assert_eq!(auth.refresh(&phone.refresh_token, HERE).await.unwrap_err(), SignInRefused::DeviceRevoked);
        assert!(auth.verify(&laptop.access_token).is_ok());
    }
    let (_, anew) = auth.sign_in(login("e1", "demo", "phone-01"), HERE).await.unwrap();
    assert!(auth.verify(&anew.access_token).is_ok());
}

#[tokio::test]
async fn a_lost_answer_signs_nobody_out_and_a_stolen_token_signs_the_device_out() {
    let Office { folder: _folder, auth, clock, .. } = office().await;
    let (_, first) = auth.sign_in(login("e1", "demo", "phone-01"), HERE).await.unwrap();
    clock.turn(60_000);
    let (_, second) = auth.refresh(&first.refresh_token, HERE).await.unwrap();
    let (_, repeated) = auth.refresh(&first.refresh_token, HERE).await.unwrap();
    assert_eq!(second.refresh_token, repeated.refresh_token);
    assert_ne!(first.refresh_token, second.refresh_token);
    clock.turn(1);
    let (_, third) = auth.refresh(&second.refresh_token, HERE).await.unwrap();
    clock.turn(REFRESH_GRACE_MS as i64);
    assert_eq!(auth.refresh(&second.refresh_token, HERE).await.unwrap_err(), SignInRefused::DeviceRevoked);
    assert_eq!(auth.refresh(&third.refresh_token, HERE).await.unwrap_err(), SignInRefused::DeviceRevoked);
    assert_eq!(auth.verify(&third.access_token), Err(CloseCode::DeviceRevoked));
    let (_, anew) = auth.sign_in(login("e1", "demo", "phone-01"), HERE).await.unwrap();
    assert_eq!(auth.refresh(&third.refresh_token, HERE).await.unwrap_err(), SignInRefused::DeviceRevoked);
    assert!(auth.refresh(&anew.refresh_token, HERE).await.is_ok(), "an old token of an earlier sign-in does no harm");
    clock.turn(31 * 86_400_000);
    assert_eq!(auth.refresh(&anew.refresh_token, HERE).await.unwrap_err(), SignInRefused::TokenExpired);
    assert_eq!(auth.refresh("rt-x", HERE).await.unwrap_err(), SignInRefused::TokenInvalid);
}

#[tokio::test]
async fn who_leaves_the_organisation_is_out() {
    let Office { folder: _folder, auth, directory, .. } = office().await;
    let (_, tokens) = auth.sign_in(login("e1", "demo", "phone-01"), HERE).await.unwrap();
    let mut entry = (*directory.entry(0).unwrap()).clone();
    entry.resigned = true;
    directory.upsert_people(vec![entry]).await.unwrap();
    assert_eq!(auth.verify(&tokens.access_token), Err(CloseCode::PersonDisabled));
    assert_eq!(auth.refresh(&tokens.refresh_token, HERE).await.unwrap_err(), SignInRefused::PersonDisabled);
    assert_eq!(auth.sign_in(login("e1", "demo", "phone-01"), HERE).await.unwrap_err(), SignInRefused::PersonDisabled);
}

#[tokio::test]
async fn a_guesser_is_told_to_wait() {
    let Office { folder, store, directory, clock, .. } = office().await;
    let config = Config { sign_in_attempts_per_account: 2, ..Config::default() };
    let auth = Auth::load(Arc::new(store), directory, clock.clone(), &config).await.unwrap();
    for _ in 0..2 {
        assert_eq!(auth.sign_in(login("e1", "wrong", "phone-01"), HERE).await.unwrap_err(), SignInRefused::WrongLogin);
    }
    let refused = auth.sign_in(login("e1", "demo", "phone-01"), HERE).await.unwrap_err();
    let wait = refused.retry_after_ms().unwrap();
    assert!(matches!(refused, SignInRefused::TooManyAttempts { .. }));
    clock.turn(wait as i64 + 1000);
    assert!(auth.sign_in(login("e1", "demo", "phone-01"), HERE).await.is_ok());
    drop(folder);
}

#[tokio::test]
async fn a_person_has_a_bounded_number_of_devices() {
    let Office { folder: _folder, auth, clock, .. } = office().await;
    let (_, first) = auth.sign_in(login("e1", "demo", "device-00"), HERE).await.unwrap();
    for i in 1..=DEVICES_MAX {
        clock.turn(1000);
        auth.sign_in(login("e1", "demo", &format!("device-{i:02}")), HERE).await.unwrap();
    }
    assert_eq!(auth.devices(0).await.unwrap().len(), DEVICES_MAX);
    assert_eq!(auth.verify(&first.access_token), Err(CloseCode::DeviceRevoked));
}

#[tokio::test]
async fn keys_turn_and_tokens_of_the_one_before_stay_good() {
    let Office { folder: _folder, auth, clock, .. } = office().await;
    clock.turn(90 * 86_400_000);
    let before = auth.issue(0, "tool-0001", 1440);
    auth.tidy().await.unwrap();
    let after = auth.issue(0, "tool-0001", 1440);
    assert!(auth.verify(&before).is_ok() && auth.verify(&after).is_ok());
    clock.turn(90 * 86_400_000);
    auth.tidy().await.unwrap();
    assert_eq!(auth.verify(&before), Err(CloseCode::TokenInvalid));
    assert_eq!(auth.verify(&after), Err(CloseCode::TokenExpired));
}

#[tokio::test]
async fn where_a_device_was_seen_is_kept() {
    let Office { folder: _folder, auth, clock, .. } = office().await;
    auth.sign_in(login("e1", "demo", "phone-01"), HERE).await.unwrap();
    clock.turn(5000);
    let there: IpAddr = "10.1.2.3".parse().unwrap();
    auth.touch(0, "phone-01", there);
    auth.touch(1, "no-such-device", there);
    let seen = auth.devices(0).await.unwrap()[0].last_seen_ms;
    auth.write_touched(false).await.unwrap();
    let kept = auth.0.device_for_tests(0, "phone-01").await;
    assert_eq!((kept.last_seen_ms, kept.address.as_deref()), (seen, Some("10.1.2.3")));
    clock.turn(1000);
    auth.touch(0, "phone-01", HERE);
    auth.write_touched(false).await.unwrap();
    assert_eq!(auth.0.device_for_tests(0, "phone-01").await.last_seen_ms, seen, "not twice within a minute");
    auth.flush().await.unwrap();
    assert!(auth.0.device_for_tests(0, "phone-01").await.last_seen_ms > seen);
}

#[tokio::test]
async fn an_app_gets_the_same_token_until_half_an_hour_before_its_end() {
    let Office { folder: _folder, auth, store, directory, clock } = office().await;
    let (app, secret) = auth.create_app("Alarm", Scopes::default()).await.unwrap();
    assert!(app.app_id.len() == 20 && app.secret_hash != secret && secret.len() == 32);
    assert_eq!(directory.kind(app.bot), PersonKind::Bot);
    assert_eq!(auth.app_of_bot(app.bot).unwrap().name, "Alarm");
    assert_eq!(auth.tenant_token("cli_0000000000000000", &secret), Err(TenantTokenRefused::AppNotFound));
    assert_eq!(auth.tenant_token(&app.app_id, "wrong"), Err(TenantTokenRefused::WrongSecret));
    let (first, left) = auth.tenant_token(&app.app_id, &secret).unwrap();
    assert!(first.starts_with("t-") && left == 7200);
    clock.turn(5300 * 1000);
    let (same, left) = auth.tenant_token(&app.app_id, &secret).unwrap();
    assert!(same == first && (1898..=1900).contains(&left), "{left}");
    clock.turn(200 * 1000);
    let (next, left) = auth.tenant_token(&app.app_id, &secret).unwrap();
    assert!(next != first && left == 7200);
    let again = Auth::load(Arc::new(store), directory, clock.clone(), &Config::default()).await.unwrap();
    for token in [&first, &next] {
        assert_eq!(again.verify_tenant(token).unwrap().app_id, app.app_id);
    }
    clock.turn(2000 * 1000);
    assert_eq!(auth.verify_tenant(&first), Err(TenantTokenError::Expired));
    assert_eq!(auth.verify_tenant("t-x"), Err(TenantTokenError::Invalid));
    assert!(auth.verify_tenant(&auth.issue(app.bot, "tool-0001", 1)).is_err());
}
