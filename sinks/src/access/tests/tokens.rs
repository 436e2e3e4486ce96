use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::HeaderMap;
use engine::ErrorKind;

use super::{access, basic, bearer};
use crate::access::{Access, Permission};

const OLD: &str = "an-old-secret-of-32-letters-0001";
const NEW: &str = "a-newer-secret-of-32-letters-002";

const TABLE: &str = r#"
[tokens.loader]
role = "analyst"
secret_file = "loader"

[tokens.dashboard]
role = "viewer"
secret_file = "dashboard"
"#;

#[tokio::test]
async fn a_caller_is_known_by_a_secret_or_by_a_name_and_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("loader"), format!("{OLD}\n")).unwrap();
    fs::write(folder.path().join("dashboard"), NEW).unwrap();
    let access = access(folder.path(), TABLE).unwrap();
    let caller = bearer(&access, OLD).await.unwrap();
    assert!(caller.name() == "loader" && caller.authorise(Permission::Push, "push").is_ok());
    assert_eq!(bearer(&access, NEW).await.unwrap().name(), "dashboard");
    assert_eq!(basic(&access, "loader", OLD).await.unwrap(), caller);
    let nothing = access.authenticate(&HeaderMap::new()).await;
    let refused = [
        bearer(&access, "another-secret-of-32-letters-003").await,
        bearer(&access, &OLD[1..]).await,
        basic(&access, "dashboard", OLD).await,
        basic(&access, "nobody", OLD).await,
        nothing,
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert!(error.kind == ErrorKind::Unauthenticated && !error.to_string().contains("letters"), "{error}");
    }
}

#[tokio::test]
async fn a_caller_without_a_token_has_the_anonymous_role_and_one_with_a_wrong_token_none() {
    let folder = tempfile::tempdir().unwrap();
    let access = access(folder.path(), "anonymous = \"viewer\"").unwrap();
    let caller = access.authenticate(&HeaderMap::new()).await.unwrap();
    assert!(caller.authorise(Permission::Read, "read").is_ok() && caller.authorise(Permission::Push, "push").is_err());
    assert_eq!(bearer(&access, NEW).await.unwrap_err().kind, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_secret_is_replaced_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("loader");
    fs::write(&file, OLD).unwrap();
    fs::write(folder.path().join("dashboard"), "still-the-same-secret-as-before!").unwrap();
    let access = access(folder.path(), TABLE).unwrap();
    bearer(&access, OLD).await.unwrap();
    fs::write(&file, format!("{NEW}\n")).unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(bearer(&access, NEW).await.unwrap().name(), "loader");
    assert!(bearer(&access, OLD).await.is_err());
}

#[test]
fn a_table_that_makes_no_sense_is_refused_at_its_key_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good"), OLD).unwrap();
    fs::write(folder.path().join("short"), "s3cret").unwrap();
    fs::write(folder.path().join("spaced"), "a secret that is long enough s3cret").unwrap();
    for (table, key, words) in [
        ("", "access", "nobody could do anything"),
        ("open = true\nanonymous = \"viewer\"", "access.open", "open and guarded"),
        ("tokens.a = { role = \"viewer\" }", "access.tokens.a", "does not say where its secret is"),
        (
            "tokens.a = { role = \"viewer\", secret_file = \"good\", secret_env = \"X\" }",
            "access.tokens.a",
            "in two places",
        ),
        ("tokens.a = { role = \"viewer\", secret_file = \"none\" }", "access.tokens.a.secret_file", "cannot read"),
        ("tokens.a = { role = \"viewer\", secret_env = \"TIEOUT_NOT_SET\" }", "access.tokens.a.secret_env", "not set"),
        ("tokens.a = { role = \"viewer\", secret_file = \"short\" }", "access.tokens.a.secret_file", "has 6 letters"),
        ("tokens.a = { role = \"viewer\", secret_file = \"spaced\" }", "access.tokens.a.secret_file", "header"),
        (
            "tokens.a = { role = \"viewer\", secret_file = \"good\" }\ntokens.b = { role = \"admin\", secret_file = \"good\" }",
            "access.tokens.b",
            "has the secret of the token `a`",
        ),
        ("tokens.\"a:b\" = { role = \"viewer\", secret_file = \"good\" }", "access.tokens.a:b", "cannot be the name"),
        (
            "jwt = { issuer = \"i\", audience = \"a\", keys_file = \"k\" }",
            "access.jwt",
            "no value of its tokens stands for a role",
        ),
        (
            "jwt = { issuer = \"i\", audience = \"a\", roles = { x = \"viewer\" } }",
            "access.jwt",
            "does not say where the keys",
        ),
        (
            "jwt = { issuer = \"i\", audience = \"a\", roles = { x = \"viewer\" }, keys_url = \"http://example.com/\" }",
            "access.jwt.keys_url",
            "could be forged on their way",
        ),
        (
            "jwt = { issuer = \"\", audience = \"a\", roles = { x = \"viewer\" }, keys_file = \"k\" }",
            "access.jwt.issuer",
            "empty",
        ),
        (
            "jwt = { issuer = \"i\", audience = \"a\", roles = { x = \"viewer\" }, keys_file = \"good\" }",
            "access.jwt.keys_file",
            "not a JWK set",
        ),
        (
            "jwt = { issuer = \"i\", audience = \"a\", roles = { x = \"viewer\" }, keys_file = \"k\", leeway_seconds = 86400 }",
            "access.jwt.leeway_seconds",
            "too many",
        ),
    ] {
        let error = access(folder.path(), table).err().unwrap();
        assert!(error.key == key && error.what.contains(words), "{table}: {error:?}");
        assert!(!format!("{error:?}").contains("s3cret") && !format!("{error:?}").contains(OLD), "{error:?}");
    }
}

#[test]
fn other_machines_are_served_only_when_someone_has_said_who_may_do_what() {
    let folder = tempfile::tempdir().unwrap();
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let unconfigured = Access::this_machine();
    for near in ["127.0.0.1:1", "127.3.2.1:1", "[::1]:1"] {
        assert_eq!(unconfigured.check_address(address(near)), Ok(()));
    }
    for far in ["0.0.0.0:1", "10.0.0.7:1", "[::]:1"] {
        let error = unconfigured.check_address(address(far)).unwrap_err();
        assert!(error.kind == ErrorKind::Invalid && error.help.contains("`open = true`"), "{error}");
        for table in ["open = true", "anonymous = \"viewer\""] {
            assert_eq!(access(folder.path(), table).unwrap().check_address(address(far)), Ok(()));
        }
    }
}
