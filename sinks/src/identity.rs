//! The identity of a data folder: a text that no other one has, made when it is first asked for.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::Path;

use engine::EngineError;

/// The name of the file that it is in.
const FILE_NAME: &str = "identity";

/// The identity of a data folder. A copy of the folder has the same.
pub(crate) fn of(data: &Path) -> Result<String, EngineError> {
    let path = data.join(FILE_NAME);
    let identity = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(data, &path),
        read => read,
    };
    let identity =
        identity.map_err(|error| EngineError::io("read the identity of the data folder in", &path, &error))?;
    Ok(identity.trim().to_owned())
}

/// A text of 32 hexadecimal digits that nobody else has.
pub(crate) fn made_up() -> String {
    // Keys of a hash table are random in every process and thread.
    let random = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", random(), random())
}

/// Several sinks may ask at once: the first that puts its file in place is the one that counts.
fn make(data: &Path, path: &Path) -> io::Result<String> {
    let identity = made_up();
    let draft = data.join(format!(".{FILE_NAME}.{identity}"));
    let mut file = File::create_new(&draft)?;
    file.write_all(identity.as_bytes())?;
    file.sync_all()?;
    let placed = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match placed {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => File::open(data)?.sync_all()?,
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_identity_and_another_has_another() {
        let [one, other] = [0; 2].map(|_| tempfile::tempdir().unwrap());
        let first = of(one.path()).unwrap();
        assert_eq!(first.len(), 32);
        assert_eq!(of(one.path()).unwrap(), first);
        assert_ne!(of(other.path()).unwrap(), first);
        assert_eq!(fs::read_dir(one.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
