//! What stands in a URL.

use longhaul_inspect::RunQuery;

#[test]
fn a_query_round_trips_through_a_url() {
    let all = "kind=export&kind=count&state=failed&state=running&queue=mail&tag=customer%3A7%3Ab%26c&from=2d\
               &before=2026-11-20T21%3A00%3A00Z&order=oldest&after=run_01h2xcejqtf2nbrexx3vqjhp41&limit=7";
    let query = RunQuery::parse(all).unwrap();
    assert_eq!(query.to_string(), all);
    assert_eq!(RunQuery::parse(&query.to_string()).unwrap(), query);
    assert_eq!(&*query.tags[0].value, "7:b&c");
    assert_eq!(RunQuery::default().to_string(), "");
}

#[test]
fn empty_fields_of_a_form_are_no_filters() {
    let query = RunQuery::parse("kind=&state=&queue=&tag=&from=&before=&order=newest").unwrap();
    assert_eq!(query, RunQuery::default());
    assert!(!query.is_filtered());
}

#[test]
fn what_is_no_filter_is_refused_with_its_field() {
    let many = "kind=a&".repeat(100);
    for (query, field) in [
        ("state=broken", "state"),
        ("tag=customer", "tag"),
        ("from=yesterday", "from"),
        ("before=99999999999999999999d", "before"),
        ("after=run_x", "after"),
        ("limit=0", "limit"),
        ("limit=100000", "limit"),
        ("order=random", "order"),
        ("colour=red", "colour"),
        ("kind=%00", "kind"),
        (&many, "kind"),
    ] {
        assert_eq!(RunQuery::parse(query).unwrap_err().field(), field, "{query}");
    }
}
