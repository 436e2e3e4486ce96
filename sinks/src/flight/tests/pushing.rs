use arrow_flight::{FlightData, FlightDescriptor};
use engine::{EngineConfig, ErrorKind};
use futures::stream;
use tonic::{Code, Status};

use super::{Held, Served, changes, rows};
use crate::flight::encode::{message, schema_message};
use crate::flight::{PutReceipt, Ticket};
use crate::toy::{self, pushed, pushed_schema};

#[tokio::test]
async fn a_batch_is_acknowledged_once_durable_and_a_repetition_is_noticed() {
    let served = Served::ready().await;
    let client = served.client().await;
    let receipt = client.put("numbers", Some("a"), &[pushed([(1, Some(11))]), pushed([(2, Some(22))])]).await.unwrap();
    assert_eq!((receipt.duplicate, receipt.records, receipt.batch_id.as_str()), (false, 2, "a"));
    let again = client.put("numbers", Some("a"), &[pushed([(1, Some(99))])]).await.unwrap();
    assert_eq!((again.duplicate, again.tick), (true, receipt.tick));
    let as_of = Ticket { as_of: Some(receipt.tick), ..Ticket::snapshot("numbers") };
    let (_, batches) = client.snapshot(&as_of).await.unwrap();
    assert_eq!(changes(&batches[0]), [(1, 1, 11), (1, 2, 22)]);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let mut served = Served::ready().await;
    let first = served.push("a", [(1, Some(11))]).await;
    served.client().await.put("numbers", Some("empty"), &[pushed([])]).await.unwrap();
    served.push("b", [(2, Some(22))]).await;
    served.stop_serving().await;
    served.engine.take().unwrap().shutdown();
    served.engine = Some(toy::start_with(EngineConfig::new(served.folder.path()), &Default::default()));
    served.engine().reader().status().ready().await.unwrap();
    served.serve("127.0.0.1:0").await;
    let client = served.client().await;
    let (_, batches) = client.snapshot(&Ticket::snapshot("numbers")).await.unwrap();
    assert_eq!(changes(&batches[0]), [(1, 1, 11), (1, 2, 22)]);
    for (id, tick) in [("a", Some(first)), ("empty", None)] {
        let again = client.put("numbers", Some(id), &[pushed([(1, Some(5))])]).await.unwrap();
        assert!(again.duplicate && tick.is_none_or(|tick| tick == again.tick), "{again:?}");
    }
}

#[tokio::test]
async fn a_batch_without_an_id_is_given_one_and_counts_each_time() {
    let served = Served::ready().await;
    let client = served.client().await;
    let first = client.put("numbers", None, &[pushed([(1, Some(11))])]).await.unwrap();
    let second = client.put("numbers", None, &[pushed([(1, Some(11))])]).await.unwrap();
    assert!(!first.duplicate && !second.duplicate && first.batch_id != second.batch_id);
    assert!(first.batch_id.starts_with("unnamed-"));
}

#[tokio::test]
async fn each_record_batch_with_an_id_is_pushed_and_acknowledged_by_itself() {
    let served = Served::ready().await;
    let (mut pusher, mut receipts) = served.client().await.pusher("numbers", &pushed_schema()).await.unwrap();
    pusher.send("0", &pushed([(1, Some(0))])).await.unwrap();
    let first = receipts.next().await.unwrap().unwrap();
    assert_eq!((first.batch_id.as_str(), first.records), ("0", 1));
    let sending = async {
        for number in 1..300 {
            pusher.send(&number.to_string(), &pushed([(1, Some(number))])).await.unwrap();
        }
        pusher.send("7", &pushed([(1, Some(-1))])).await.unwrap();
        drop(pusher);
    };
    let receiving = async {
        let mut all = vec![first.clone()];
        while let Some(receipt) = receipts.next().await.unwrap() {
            all.push(receipt);
        }
        all
    };
    let ((), all) = tokio::join!(sending, receiving);
    let ids: Vec<String> = (0..300).map(|number| number.to_string()).chain(["7".into()]).collect();
    assert_eq!(all.iter().map(|receipt| receipt.batch_id.clone()).collect::<Vec<_>>(), ids);
    assert!(all[..300].is_sorted_by_key(|receipt| receipt.tick) && all[..300].iter().all(|receipt| !receipt.duplicate));
    assert!(all[300].duplicate && all[300].tick == all[7].tick);
    served.engine().reader().reached(all[299].tick).await;
    let (_, batches) = served.client().await.snapshot(&Ticket::snapshot("numbers")).await.unwrap();
    assert_eq!(changes(&batches[0]), [(1, 1, 299)]);
}

#[tokio::test]
async fn a_refused_batch_ends_the_stream_after_the_receipts_of_those_before_it() {
    let served = Served::ready().await;
    let (mut pusher, mut receipts) = served.client().await.pusher("numbers", &pushed_schema()).await.unwrap();
    pusher.send("good", &pushed([(1, Some(1))])).await.unwrap();
    pusher.send("", &pushed([(1, Some(2))])).await.unwrap();
    assert_eq!(receipts.next().await.unwrap().unwrap().batch_id, "good");
    let error = receipts.next().await.unwrap_err();
    assert!(error.what.contains("a batch id has 0 bytes"), "{error}");
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_refused_and_says_to_split_it() {
    let served = Served::ready().await;
    let client = served.client().await;
    let large = pushed((0..1_000_000).map(|key| (key, Some(key))));
    let error = client.put("numbers", Some("a"), &vec![large; 5]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert_eq!(error.what, "the batch is larger than 64 MiB");
    assert!(error.help.contains("split it"), "{error}");
    let one = FlightDescriptor::new_path(vec!["numbers".into(), "b".into()]);
    let huge = message(&pushed((0..4_500_000).map(|key| (key, Some(key)))), Vec::new()).unwrap();
    let error = put(&served, one, [huge]).await.unwrap_err();
    assert!(error.message().contains("split it"), "{error}");
    let (_, batches) = client.snapshot(&Ticket::snapshot("numbers")).await.unwrap();
    assert!(batches.is_empty());
}

/// Pushes raw messages after a schema with this descriptor.
async fn put(
    served: &Served,
    descriptor: FlightDescriptor,
    messages: impl IntoIterator<Item = FlightData>,
) -> Result<Vec<PutReceipt>, Status> {
    let service = served.service().await;
    let mut service = service.max_encoding_message_size(256 << 20);
    let first = schema_message(&pushed_schema()).with_descriptor(descriptor);
    let messages: Vec<_> = std::iter::once(first).chain(messages).collect();
    let mut results = service.do_put(stream::iter(messages)).await?.into_inner();
    let mut receipts = Vec::new();
    while let Some(result) = results.message().await? {
        receipts.push(serde_json::from_slice(&result.app_metadata).unwrap());
    }
    Ok(receipts)
}

fn numbered(value: i64, app_metadata: &str) -> FlightData {
    message(&pushed([(1, Some(value))]), app_metadata.into()).unwrap()
}

#[tokio::test]
async fn the_id_is_in_the_path_the_command_or_the_first_message() {
    let served = Served::ready().await;
    let path = |parts: &[&str]| FlightDescriptor::new_path(parts.iter().map(|part| (*part).to_owned()).collect());
    for (descriptor, id) in [
        (path(&["numbers", "in the path"]), "in the path"),
        (FlightDescriptor::new_cmd(r#"{"source": "numbers", "batch_id": "in the command"}"#), "in the command"),
    ] {
        let receipts = put(&served, descriptor, [numbered(1, ""), numbered(2, "")]).await.unwrap();
        assert_eq!((receipts.len(), receipts[0].batch_id.as_str(), receipts[0].records), (1, id, 2));
    }
    let mut service = served.service().await;
    let first = schema_message(&pushed_schema())
        .with_descriptor(path(&["numbers"]))
        .with_app_metadata(r#"{"batch_id": "first"}"#);
    let mut results = service.do_put(stream::iter([first, numbered(3, "")])).await.unwrap().into_inner();
    let receipt: PutReceipt = serde_json::from_slice(&results.message().await.unwrap().unwrap().app_metadata).unwrap();
    assert_eq!((receipt.batch_id.as_str(), receipt.records), ("first", 1));
}

#[tokio::test]
async fn what_cannot_be_pushed_is_refused_with_the_reason() {
    let served = Served::ready().await;
    let path = |parts: &[&str]| FlightDescriptor::new_path(parts.iter().map(|part| (*part).to_owned()).collect());
    let to_numbers = || path(&["numbers"]);
    let with_id = || numbered(1, r#"{"batch_id": "x"}"#);
    let mut torn = numbered(1, "");
    torn.data_body = torn.data_body.slice(..8);
    let cases = [
        (path(&["nmubers", "a"]), vec![numbered(1, "")], Code::NotFound, "those that do are numbers"),
        (FlightDescriptor::default(), vec![numbered(1, "")], Code::InvalidArgument, "[source, batch id]"),
        (
            FlightDescriptor::new_cmd(r#"{"sorce": "numbers"}"#),
            vec![numbered(1, "")],
            Code::InvalidArgument,
            "unknown field `sorce`",
        ),
        (path(&["numbers", ""]), vec![numbered(1, "")], Code::InvalidArgument, "a batch id has 0 bytes"),
        (to_numbers(), vec![numbered(1, "x")], Code::InvalidArgument, r#"{"batch_id": "..."}"#),
        (to_numbers(), vec![with_id(), numbered(1, "")], Code::InvalidArgument, "some have not"),
        (to_numbers(), vec![numbered(1, ""), with_id()], Code::InvalidArgument, "some have not"),
        (path(&["numbers", "a"]), vec![with_id()], Code::InvalidArgument, "both the stream and its record batches"),
        (to_numbers(), vec![schema_message(&pushed_schema())], Code::InvalidArgument, "second schema"),
        (to_numbers(), vec![torn], Code::InvalidArgument, "cannot be read"),
    ];
    for (descriptor, messages, code, words) in cases {
        let error = put(&served, descriptor, messages).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains(words), "{error}");
    }
}

#[tokio::test]
async fn rows_that_the_source_cannot_use_are_refused_by_the_source() {
    let served = Served::ready().await;
    let column = pushed([(1, Some(1))]).column(0).clone();
    let batch = arrow::array::RecordBatch::try_from_iter([("key", column.clone()), ("price", column)]).unwrap();
    let error = served.client().await.put("numbers", Some("a"), &[batch]).await.unwrap_err();
    assert_eq!(error.what, "batch `a`: the columns are not key and value");
    assert_eq!(error.help, "push the columns key and value, both Int64");
}

#[tokio::test]
async fn half_a_batch_from_a_client_that_died_is_not_pushed() {
    let served = Served::ready().await;
    let mut service = served.service().await;
    let descriptor = FlightDescriptor::new_path(vec!["numbers".into(), "half".into()]);
    let first = schema_message(&pushed_schema()).with_descriptor(descriptor);
    let messages = futures::StreamExt::chain(stream::iter([first, numbered(1, "")]), stream::pending());
    let results = service.do_put(messages).await.unwrap();
    drop((results, service));
    served.push("whole", [(2, Some(2))]).await;
    let (_, batches) = served.client().await.snapshot(&Ticket::snapshot("numbers")).await.unwrap();
    assert_eq!(changes(&batches[0]), [(1, 2, 2)]);
    let receipt = served.client().await.put("numbers", Some("half"), &[pushed([(1, Some(1))])]).await.unwrap();
    assert!(!receipt.duplicate);
}

#[tokio::test]
async fn many_clients_push_and_read_at_once_and_nothing_is_lost() {
    let served = Served::ready().await;
    let mut messages = served.client().await.read(&Ticket::subscription("numbers")).await.unwrap();
    let pushes = (0..8).map(|client| {
        let served = &served;
        async move {
            let connection = served.client().await;
            let mut last = 0;
            for batch in 0..20 {
                let rows = (0..50).map(|row| (client * 10_000 + batch * 100 + row, Some(row)));
                let receipt =
                    connection.put("numbers", Some(&format!("{client}-{batch}")), &[pushed(rows)]).await.unwrap();
                last = receipt.tick;
            }
            last
        }
    });
    let last = futures::future::join_all(pushes).await.into_iter().max().unwrap();
    let mut held = Held::default();
    loop {
        let message = messages.next().await.unwrap().unwrap();
        held.add(&message.batch);
        assert!(rows(&message.batch).iter().all(|(tick, ..)| *tick == message.metadata.tick));
        if message.metadata.frontier.is_some_and(|frontier| frontier > last) {
            break;
        }
    }
    let expected = (0..8).flat_map(|client| {
        (0..20).flat_map(move |batch| (0..50).map(move |row| (client * 10_000 + batch * 100 + row, row)))
    });
    assert_eq!(held, Held::of(expected));
}
