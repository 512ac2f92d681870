//! Where the cluster's store is, and how it keeps its copies.

use crate::config::Config;
use std::fmt;
use std::path::PathBuf;

/// How a node reaches the store.
#[derive(Clone, PartialEq, Eq)]
pub struct CqlSettings {
    /// Nodes that are asked first, as `host:port`; the others are learnt from them.
    pub addresses: Vec<String>,
    /// Keyspace of everything that this organisation keeps.
    pub keyspace: String,
    /// Copies of every row. With three, one node of the store may be away.
    pub replication_factor: u32,
    /// The data centre that is asked and that holds the copies; none: whichever there is.
    pub datacenter: Option<String>,
    /// Who signs in to the store; none: nobody has to.
    pub user: Option<String>,
    /// The password of that user.
    pub password: Option<String>,
    /// Certificates in PEM of those who may have signed the ones of the store. With it, only TLS is spoken.
    pub ca: Option<PathBuf>,
}

impl Default for CqlSettings {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            keyspace: "clarion".into(),
            replication_factor: 3,
            datacenter: None,
            user: None,
            password: None,
            ca: None,
        }
    }
}

/// Without the password.
impl fmt::Debug for CqlSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("CqlSettings")
            .field("addresses", &self.addresses)
            .field("keyspace", &self.keyspace)
            .field("replication_factor", &self.replication_factor)
            .field("datacenter", &self.datacenter)
            .field("user", &self.user)
            .field("ca", &self.ca)
            .finish_non_exhaustive()
    }
}

impl CqlSettings {
    /// As the operator has set them.
    pub fn of(config: &Config) -> Self {
        Self {
            addresses: config.scylla.list().to_vec(),
            keyspace: config.scylla_keyspace.clone(),
            replication_factor: config.scylla_replication as u32,
            datacenter: config.scylla_datacenter.clone(),
            user: config.scylla_user.clone(),
            password: config.scylla_password.as_ref().map(|password| password.reveal().to_owned()),
            ca: config.scylla_ca.clone(),
        }
    }

    /// Says what is wrong with them.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub fn check(&self) -> Result<(), String> {
        if self.addresses.is_empty() {
            return Err("no address of the store is given; set `scylla` to a list such as 10.0.0.1:9042".into());
        }
        if self.user.is_some() != self.password.is_some() {
            return Err("the settings `scylla_user` and `scylla_password` belong together: give both or neither".into());
        }
        if let Some(ca) = self.ca.as_ref().filter(|_| !cfg!(feature = "cql-tls")) {
            return Err(format!(
                "the setting `scylla_ca` is {} and this program was built without TLS to the store; build it with `--features cql-tls`",
                ca.display()
            ));
        }
        self.check_names()
    }

    /// Says what is wrong with the names. They go into statements as they are, so nothing else may stand in them.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub fn check_names(&self) -> Result<(), String> {
        if !is_keyspace(&self.keyspace) {
            return Err(format!(
                "the setting `scylla_keyspace` is \"{}\" and must be 1 to 40 small letters, digits and `_`, with a letter first",
                crate::error::clip(&self.keyspace)
            ));
        }
        if let Some(datacenter) = &self.datacenter
            && (datacenter.is_empty()
                || datacenter.len() > 100
                || !datacenter.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)))
        {
            return Err(format!(
                "the setting `scylla_datacenter` is \"{}\" and must be letters, digits, `-`, `_` and `.`",
                crate::error::clip(datacenter)
            ));
        }
        if self.replication_factor == 0 {
            return Err("the store must keep at least one copy".into());
        }
        Ok(())
    }
}

/// A keyspace leaves room for the names that are made of it; the store takes 48 characters.
fn is_keyspace(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_carry_a_statement() {
        let good = CqlSettings { addresses: vec!["127.0.0.1:9042".into()], ..CqlSettings::default() };
        assert_eq!(good.check(), Ok(()));
        for keyspace in ["", "a; DROP KEYSPACE b", "Clarion", "9a", "a\"b", &"a".repeat(41)] {
            assert!(CqlSettings { keyspace: keyspace.into(), ..good.clone() }.check().is_err(), "{keyspace}");
        }
        for datacenter in ["", "a'b", "a b"] {
            assert!(CqlSettings { datacenter: Some(datacenter.into()), ..good.clone() }.check().is_err(), "{datacenter}");
        }
    }

    #[test]
    fn the_password_is_not_printed() {
        let settings = CqlSettings { user: Some("clarion".into()), password: Some("hunter2".into()), ..CqlSettings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
