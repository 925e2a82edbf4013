//! The connection file: where to listen, and the key that clients sign with.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::zmtp::Endpoint;

/// What a connection file says.
#[derive(Debug, Clone, Deserialize)]
pub struct Connection {
    #[serde(default = "tcp")]
    transport: String,
    ip: String,
    /// Port of the shell channel, and so on; for `ipc` the number that ends the file's name.
    pub shell_port: u16,
    pub iopub_port: u16,
    pub stdin_port: u16,
    pub control_port: u16,
    pub hb_port: u16,
    /// What messages are signed with; empty when they are not.
    #[serde(default)]
    pub key: String,
    #[serde(default = "hmac")]
    signature_scheme: String,
}

fn tcp() -> String {
    "tcp".to_owned()
}

fn hmac() -> String {
    "hmac-sha256".to_owned()
}

impl Connection {
    /// Reads a connection file. One that others may read is made private first: whoever has the key runs code as this
    /// user.
    ///
    /// # Errors
    /// A sentence about what keeps it from being used.
    pub fn read(file: &Path) -> Result<Connection, String> {
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("cannot read the connection file {shown}: {error}"))?;
        let connection: Connection =
            serde_json::from_str(&text).map_err(|error| format!("{shown} is not a connection file: {error}"))?;
        if connection.signature_scheme != "hmac-sha256" {
            return Err(format!(
                "{shown} asks for signatures by {:?}; this kernel signs by \"hmac-sha256\" only",
                connection.signature_scheme
            ));
        }
        if !matches!(connection.transport.as_str(), "tcp" | "ipc") {
            return Err(format!(
                "{shown} asks for the transport {:?}; this kernel has \"tcp\" and \"ipc\"",
                connection.transport
            ));
        }
        if connection.key.is_empty() {
            eprintln!("taskloom: {shown} has no key, so whoever can connect can run code");
        }
        make_private(file);
        Ok(connection)
    }

    /// Where the channel of this port listens.
    pub fn endpoint(&self, port: u16) -> Endpoint {
        if self.transport == "ipc" {
            Endpoint::Ipc(PathBuf::from(format!("{}-{port}", self.ip)))
        } else {
            Endpoint::Tcp(self.ip.clone(), port)
        }
    }

    /// The files of `ipc` sockets, which nobody else takes away.
    pub fn files(&self) -> Vec<PathBuf> {
        let ports = [self.shell_port, self.iopub_port, self.stdin_port, self.control_port, self.hb_port];
        let files = ports.into_iter().map(|port| self.endpoint(port));
        files.filter_map(|endpoint| if let Endpoint::Ipc(path) = endpoint { Some(path) } else { None }).collect()
    }
}

fn make_private(file: &Path) {
    let Ok(metadata) = std::fs::metadata(file) else { return };
    let mode = metadata.permissions().mode();
    if mode & 0o077 == 0 {
        return;
    }
    let private = std::fs::Permissions::from_mode(mode & 0o700);
    if let Err(error) = std::fs::set_permissions(file, private) {
        eprintln!("taskloom: others can read {}, which holds the kernel's key: {error}", file.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kernel.json");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        (folder, path)
    }

    const PORTS: &str = r#""shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5"#;

    #[test]
    fn a_connection_file_becomes_private() {
        let (_folder, path) = file(&format!(r#"{{"ip":"127.0.0.1","key":"k",{PORTS}}}"#));
        let connection = Connection::read(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(connection.endpoint(4), Endpoint::Tcp(ip, 4) if ip == "127.0.0.1"));
        assert!(connection.files().is_empty());
    }

    #[test]
    fn ipc_is_a_file_for_each_channel() {
        let (_folder, path) = file(&format!(r#"{{"transport":"ipc","ip":"/run/k","key":"k",{PORTS}}}"#));
        let connection = Connection::read(&path).unwrap();
        assert!(matches!(connection.endpoint(2), Endpoint::Ipc(file) if file == Path::new("/run/k-2")));
        assert_eq!(connection.files().len(), 5);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        for (text, said) in [
            ("{".to_owned(), "not a connection file"),
            (format!(r#"{{"ip":"x","signature_scheme":"md5",{PORTS}}}"#), "hmac-sha256"),
            (format!(r#"{{"ip":"x","transport":"udp",{PORTS}}}"#), "\"tcp\" and \"ipc\""),
        ] {
            let (_folder, path) = file(&text);
            let error = Connection::read(&path).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
