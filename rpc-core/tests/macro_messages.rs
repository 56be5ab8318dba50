//! What `#[service]` says to who wrote a trait that cannot be served: every fault of it, each at its place.

#[test]
fn a_trait_that_cannot_be_served_is_refused_in_sentences() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
