use arrow_flight::{Criteria, FlightDescriptor};
use engine::ErrorKind;

use super::Served;
use crate::flight::Ticket;
use crate::flight::catalogue::ticket_of;

#[tokio::test]
async fn every_view_is_listed_with_what_it_is_about_its_key_and_its_columns() {
    let served = Served::ready().await;
    let views = served.client().await.views().await.unwrap();
    let names: Vec<_> = views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(names, served.engine().reader().views().map(|spec| spec.name.as_str()).collect::<Vec<_>>());
    let totals = views.iter().find(|view| view.name == "totals").unwrap();
    assert_eq!((totals.about.as_str(), totals.key.as_slice()), ("The totals.", ["digit".to_owned()].as_slice()));
    let columns: Vec<String> =
        totals.schema.fields().iter().map(|field| format!("{}: {}", field.name(), field.data_type())).collect();
    assert_eq!(
        columns,
        ["_tick: Timestamp(µs, \"UTC\")", "_diff: Int64", "_key: Utf8", "digit: Int64", "total: Int64"]
    );
}

#[tokio::test]
async fn a_listed_ticket_reads_its_view_where_the_catalogue_was() {
    let served = Served::ready().await;
    let mut service = served.service().await;
    let mut entries = service.list_flights(Criteria::default()).await.unwrap().into_inner();
    while let Some(entry) = entries.message().await.unwrap() {
        let [endpoint] = entry.endpoint.as_slice() else { panic!("one endpoint a view") };
        assert!(endpoint.location.is_empty());
        let ticket = endpoint.ticket.clone().unwrap();
        assert_eq!(Ticket::parse(&ticket.ticket).unwrap().view, entry.flight_descriptor.unwrap().path[0]);
        assert!(service.do_get(ticket).await.unwrap().into_inner().message().await.unwrap().is_some());
    }
    let criteria = Criteria { expression: "totals".into() };
    assert!(service.list_flights(criteria).await.unwrap_err().message().contains("leave the expression empty"));
}

#[tokio::test]
async fn a_view_is_described_by_its_path_or_by_a_ticket() {
    let served = Served::ready().await;
    let mut service = served.service().await;
    let by_path = FlightDescriptor::new_path(vec!["totals".into()]);
    let by_ticket = FlightDescriptor::new_cmd(r#"{"view": "totals", "subscribe": true}"#);
    let schemas = [
        service.get_schema(by_path.clone()).await.unwrap().into_inner().schema,
        service.get_schema(by_ticket.clone()).await.unwrap().into_inner().schema,
        service.get_flight_info(by_path).await.unwrap().into_inner().schema,
    ];
    assert!(schemas.iter().all(|schema| *schema == schemas[0] && !schema.is_empty()));
    let info = service.get_flight_info(by_ticket).await.unwrap().into_inner();
    let ticket = Ticket::parse(&info.endpoint[0].ticket.clone().unwrap().ticket).unwrap();
    assert_eq!(ticket, Ticket::subscription("totals"));
}

#[tokio::test]
async fn what_is_not_there_is_named_with_what_is() {
    let served = Served::ready().await;
    let error = served.client().await.view("total").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(error.what, "there is no view `total`");
    assert!(error.help.contains("numbers") && error.help.contains("dead_letters"), "{error}");
}

#[test]
fn a_descriptor_that_names_no_view_is_refused() {
    for descriptor in [
        FlightDescriptor::default(),
        FlightDescriptor::new_path(vec![]),
        FlightDescriptor::new_path(vec!["a".into(), "b".into()]),
        FlightDescriptor::new_cmd("{"),
        FlightDescriptor::new_cmd(""),
    ] {
        assert_eq!(ticket_of(&descriptor).unwrap_err().kind, ErrorKind::Invalid, "{descriptor:?}");
    }
}
