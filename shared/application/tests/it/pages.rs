//! Pages, as a query asks for them.

use application::representations::Page;

#[test]
fn a_page_has_1_to_100_entries() {
    let read = |query: &str| serde_html_form::from_str::<Page>(query).map(|page| page.limit.get());
    assert_eq!(
        [read(""), read("limit=1"), read("limit=100")].map(Result::ok),
        [Some(20), Some(1), Some(100)]
    );
    for refused in ["limit=0", "limit=101", "limit=-1", "limit="] {
        assert!(read(refused).is_err(), "{refused}");
    }
}
