//! What the operator is told about settings.

use super::*;

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clarion.toml");
    std::fs::write(&file, text).unwrap();
    let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Config::read(Some(&file), environment, None, None).map_err(|sentence| sentence.replace(&file.display().to_string(), "clarion.toml"))
}

#[test]
fn the_printed_reference_is_the_default_configuration() {
    let config = read(&Config::reference(), &[]).unwrap();
    assert_eq!(Config { file: None, ..config }, Config::default());
}

#[test]
fn a_flag_overrules_the_environment_and_that_the_file() {
    let config = read("listen = \"127.0.0.1:1\"\nsessions_max = 5\n", &[("CLARION_LISTEN", "127.0.0.1:2"), ("OTHER", "x")]).unwrap();
    assert_eq!((config.listen.port(), config.sessions_max), (2, 5));
    let environment = [("CLARION_LISTEN".to_string(), "127.0.0.1:2".to_string())];
    let config = Config::read(None, environment, Some("127.0.0.1:3"), Some(Path::new("/x"))).unwrap();
    assert_eq!((config.listen.port(), config.data), (3, PathBuf::from("/x")));
}

#[test]
fn every_mistake_has_its_sentence() {
    let cases = [
        (
            "sesions_max = 5",
            "the setting `sesions_max` in clarion.toml is not known; did you mean `sessions_max`? `clarion config` prints all settings",
        ),
        ("zzz = 5", "the setting `zzz` in clarion.toml is not known; `clarion config` prints all settings"),
        ("sessions_max = 0", "the setting `sessions_max` in clarion.toml cannot be taken: 0 is not sessions, 1 to 2000000"),
        ("sessions_max = -1", "the setting `sessions_max` in clarion.toml cannot be taken: -1 is not sessions, 1 to 2000000"),
        ("sessions_max = \"x\"", "the setting `sessions_max` in clarion.toml cannot be taken: \"x\" is not sessions, 1 to 2000000"),
        (
            "listen = \"localhost\"",
            "the setting `listen` in clarion.toml cannot be taken: \"localhost\" is not an address and a port, such as 127.0.0.1:7700",
        ),
        ("tls_key = \"/k\"", "the settings `tls_certificate` and `tls_key` belong together: give both or neither"),
        (
            "public_url = \"chat.example\"",
            "the setting `public_url` is \"chat.example\" and must be http:// or https:// with a host, without a path",
        ),
        ("key_rotation_days = 3", "the setting `key_rotation_days` is 3 and may not be less than `refresh_token_days`, which is 30"),
    ];
    for (text, sentence) in cases {
        assert_eq!(read(text, &[]).unwrap_err(), sentence, "{text}");
    }
    assert!(read("a = \nb = 1", &[]).unwrap_err().starts_with("the configuration file clarion.toml is not valid TOML: line 1: "));
    assert_eq!(
        read("", &[("CLARION_LISTN", "x")]).unwrap_err(),
        "the environment variable `CLARION_LISTN` is not known; did you mean `listen`? `clarion config` prints all settings"
    );
    assert_eq!(
        read("", &[("CLARION_DEMO", "maybe")]).unwrap_err(),
        "the environment variable `CLARION_DEMO` cannot be taken: \"maybe\" is not \"auto\", \"on\" or \"off\""
    );
    assert!(
        Config::read(Some(Path::new("/nowhere/c.toml")), [], None, None)
            .unwrap_err()
            .starts_with("the configuration file /nowhere/c.toml cannot be read: ")
    );
}

#[test]
fn what_kubernetes_puts_into_the_environment_is_no_mistake() {
    assert!(read("", &[("CLARION_SERVICE_HOST", "10.0.0.1"), ("CLARION_PORT", "tcp://10.0.0.1:7700")]).is_ok());
}

#[test]
fn the_environment_takes_lists_and_switches() {
    let config = read(
        "",
        &[
            ("CLARION_TRUSTED_PROXIES", "10.0.0.1, 192.168.0.0/16,::1"),
            ("CLARION_DEMO", "1"),
            ("CLARION_PUBLIC_URL", "https://chat.example:8443/"),
        ],
    )
    .unwrap();
    let trusted = |address: &str| config.trusted_proxies.contains(address.parse().unwrap());
    assert!(trusted("10.0.0.1") && trusted("192.168.7.7") && trusted("::1") && trusted("::ffff:10.0.0.1"));
    assert!(!trusted("10.0.0.2") && !trusted("192.169.0.1") && !trusted("::2"));
    assert!(read("trusted_proxies = [\"10.0.0.0/33\"]", &[]).is_err());
    assert_eq!(config.demo, Demo::On);
    assert_eq!(config.url(config.listen), "https://chat.example:8443");
}
