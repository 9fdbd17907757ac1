//! The committed JSON schema of labs is the one that the types give. `UPDATE_EXPECT=1` writes it anew.

#[test]
#[allow(clippy::disallowed_methods, reason = "a test may write its expected file")]
fn committed_schema_is_current() {
    let schema = sim::Lab::schema();
    if std::env::var("UPDATE_EXPECT").is_ok() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lab.schema.json"), &schema).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lab.schema.json"))
        .expect("docs/lab.schema.json is missing; write it with UPDATE_EXPECT=1 cargo test -p sim --test schema");
    assert!(
        schema == committed,
        "docs/lab.schema.json is out of date; run UPDATE_EXPECT=1 cargo test -p sim --test schema"
    );
}
