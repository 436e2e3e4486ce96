//! Files are read back by readers that know nothing of how they were written.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use engine::row::Shown;
use engine::{Engine, ErrorKind, Request, Tick};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::{Compression, ExportOptions, Exported, Format, export};
use crate::toy::{self, pushed};

struct Written {
    folder: TempDir,
    engine: Engine,
}

impl Written {
    async fn new(rows: impl IntoIterator<Item = (i64, Option<i64>)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = toy::start(&folder.path().join("data"));
        fs::create_dir(folder.path().join("out")).unwrap();
        let written = Written { folder, engine };
        written.push("first", rows).await;
        written
    }

    async fn push(&self, batch_id: &str, rows: impl IntoIterator<Item = (i64, Option<i64>)>) -> Tick {
        let batch = pushed(rows);
        let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        let receipt = self.engine.ingest().push("numbers", batch_id, writer.into_inner().unwrap()).await.unwrap();
        self.engine.reader().reached(receipt.tick).await;
        receipt.tick
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    async fn export(&self, view: &str, name: &str) -> Exported {
        self.export_as_of(view, name, None).await
    }

    async fn export_as_of(&self, view: &str, name: &str, as_of: Option<Tick>) -> Exported {
        let request = Request { view: view.into(), as_of, ..Request::default() };
        let exported =
            export(self.engine.reader(), &request, &self.path(name), &ExportOptions::default()).await.unwrap();
        assert_eq!(exported.size_bytes, fs::metadata(&exported.path).unwrap().len());
        exported
    }

    /// The names in the folder that is written to.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("out")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

const ROWS: [(i64, Option<i64>); 3] = [(1, Some(150_000_000)), (2, Some(7)), (3, Some(-20_000_000_001))];

#[tokio::test]
async fn csv_is_exact_and_as_people_read_it() {
    let written = Written::new(ROWS).await;
    let exported = written.export("facts", "facts.csv").await;
    assert_eq!(exported.rows, 3);
    let expected = "\
_key,name,key,amount,day,moment,is_odd,note
n\\|-20000000001|3,n|-20000000001,3,-200.00000001,,,false,
n\\|150000000|1,n|150000000,1,1.5,,,false,
n\\|7|2,n|7,2,0.00000007,1970-01-08,1970-01-01T00:00:07.000007Z,true,\"odd, and \"\"quoted\"\"\"
";
    let text = fs::read_to_string(&exported.path).unwrap();
    let blanked = |text: &str| {
        let rows = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes()).into_records();
        let rows = rows.map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
        rows.map(|mut row| {
            // Days and moments far from 1970 are checked elsewhere.
            if row[1] != "n|7" && row[1] != "name" {
                row[4..6].iter_mut().for_each(String::clear);
            }
            row
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(blanked(&text), blanked(expected));
    assert!(text.contains(",\"odd, and \"\"quoted\"\"\"\n"));
}

#[tokio::test]
async fn compressed_csv_is_the_same_text() {
    let written = Written::new(ROWS).await;
    let mut texts = Vec::new();
    for name in ["facts.csv", "facts.csv.gz", "facts.csv.zst"] {
        let file = fs::File::open(written.export("facts", name).await.path).unwrap();
        let mut text = String::new();
        match name.rsplit_once('.').unwrap().1 {
            "gz" => flate2::read::GzDecoder::new(file).read_to_string(&mut text),
            "zst" => zstd::Decoder::new(file).unwrap().read_to_string(&mut text),
            _ => { file }.read_to_string(&mut text),
        }
        .unwrap();
        texts.push(text);
    }
    assert!(!texts[0].is_empty() && texts.iter().all(|text| *text == texts[0]));
}

fn read_parquet(path: &Path) -> (Vec<(String, String)>, RecordBatch) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let metadata = builder.metadata().file_metadata().key_value_metadata().unwrap();
    let metadata = metadata.iter().map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect();
    (metadata, builder.build().unwrap().next().unwrap().unwrap())
}

fn read_arrow(path: &Path) -> (Vec<(String, String)>, RecordBatch) {
    let mut reader = arrow::ipc::reader::FileReader::try_new(fs::File::open(path).unwrap(), None).unwrap();
    let metadata = reader.schema().metadata().clone().into_iter().collect();
    (metadata, reader.next().unwrap().unwrap())
}

#[tokio::test]
async fn parquet_and_arrow_hold_the_rows_and_say_of_which_view_and_tick() {
    let written = Written::new(ROWS).await;
    let spec = written.engine.reader().view("facts").unwrap().clone();
    let texts = Arc::clone(written.engine.reader().texts());
    for (name, read) in [("facts.parquet", read_parquet as fn(&Path) -> _), ("facts.arrow", read_arrow)] {
        let exported = written.export("facts", name).await;
        let (metadata, batch) = read(&exported.path);
        for pair in [
            ("tieout.view", "facts"),
            ("tieout.tick", &exported.tick.to_string()),
            ("tieout.version", env!("CARGO_PKG_VERSION")),
        ] {
            assert!(metadata.contains(&(pair.0.to_owned(), pair.1.to_owned())), "{name}: {pair:?} not in {metadata:?}");
        }
        assert_eq!(batch.schema().field(3).data_type(), &DataType::Decimal128(38, 8));
        let request = Request { view: "facts".into(), as_of: Some(exported.tick), ..Request::default() };
        let snapshot = written.engine.reader().snapshot(&request).await.unwrap();
        let rows: Vec<_> = snapshot.rows.iter().map(|(row, _)| row).collect();
        let keys = batch.column(0).as_string::<i32>();
        for (index, row) in rows.iter().enumerate() {
            assert_eq!(keys.value(index), spec.key_text(row, texts.as_ref()));
            let name = Shown { cell: &row.cells()[0], kind: spec.columns[0].kind, texts: texts.as_ref() }.to_string();
            assert_eq!(batch.column(1).as_string::<i32>().value(index), name);
        }
        assert_eq!(batch.columns()[1..], spec.arrays(&rows, texts.as_ref()), "{name}");
        assert!(batch.column(7).is_null(0));
    }
}

#[tokio::test]
async fn a_row_that_the_view_holds_twice_is_written_twice() {
    let written = Written::new([(1, Some(11)), (2, Some(21)), (3, Some(3))]).await;
    let exported = written.export("digits", "digits.parquet").await;
    let (_, batch) = read_parquet(&exported.path);
    assert_eq!(batch.column(1).as_primitive::<Int64Type>().values(), &[1, 1, 3]);
    assert_eq!(exported.rows, 3);
}

#[tokio::test]
async fn an_empty_view_is_a_file_without_rows() {
    let written = Written::new([]).await;
    assert_eq!(written.export("totals", "totals.parquet").await.rows, 0);
    let csv = written.export("totals", "totals.csv").await;
    assert_eq!(fs::read_to_string(csv.path).unwrap(), "_key,digit,total\n");
}

#[tokio::test]
async fn a_file_is_replaced_in_one_step_and_the_past_is_written_as_it_was() {
    let written = Written::new([(1, Some(11))]).await;
    let first = written.export("numbers", "numbers.csv").await;
    written.push("second", [(1, Some(12))]).await;
    written.export("numbers", "numbers.csv").await;
    assert_eq!(fs::read_to_string(&first.path).unwrap(), "_key,key,value\n1,1,12\n");
    written.export_as_of("numbers", "numbers.csv", Some(first.tick)).await;
    assert_eq!(fs::read_to_string(&first.path).unwrap(), "_key,key,value\n1,1,11\n");
    assert_eq!(written.names(), ["numbers.csv"]);
}

#[tokio::test]
async fn the_same_rows_are_the_same_bytes() {
    let written = Written::new((0..20_000).map(|key| (key, Some(key % 97)))).await;
    for name in ["facts.csv.gz", "facts.csv.zst", "facts.parquet", "facts.arrow"] {
        let exported = written.export("facts", name).await;
        assert_eq!(exported.rows, 20_000);
        let before = fs::read(&exported.path).unwrap();
        written.export_as_of("facts", name, Some(exported.tick)).await;
        assert!(before == fs::read(&exported.path).unwrap(), "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_with_path_and_reason_and_leaves_nothing_behind() {
    let written = Written::new([(1, Some(11))]).await;
    fs::create_dir(written.path("folder.csv")).unwrap();
    fs::write(written.path("file"), "").unwrap();
    let request = Request { view: "numbers".into(), ..Request::default() };
    let plain = ExportOptions::default();
    let zipped = ExportOptions { format: Some(Format::Parquet), compression: Some(Compression::Gzip) };
    for (name, options, kind, words) in [
        ("missing/numbers.csv", plain, ErrorKind::Unavailable, "make the folder first"),
        ("file/numbers.csv", plain, ErrorKind::Unavailable, "is a file, not a folder"),
        ("folder.csv", plain, ErrorKind::Unavailable, "not of a folder"),
        ("numbers.txt", plain, ErrorKind::Invalid, "end it in .csv"),
        ("numbers", zipped, ErrorKind::Invalid, "compressed inside"),
    ] {
        let error = export(written.engine.reader(), &request, &written.path(name), &options).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.what.contains(&*written.path(name).to_string_lossy()) && error.help.contains(words), "{error}");
    }
    let unknown = Request { view: "nmubers".into(), ..Request::default() };
    let error = export(written.engine.reader(), &unknown, &written.path("a.csv"), &plain).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(written.names(), ["file", "folder.csv"]);
}

/// The system refuses what is written to this device, as a full disk does.
#[test]
fn a_full_disk_is_an_error_and_not_half_a_file() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full");
        return;
    };
    let content = super::encode::Content {
        snapshot: engine::Snapshot {
            spec: Arc::new(engine::system::SystemView::Runs.spec()),
            tick: 1,
            rows: Vec::new(),
        },
        texts: Arc::new(engine::NoTexts),
    };
    for (format, compression) in [
        (Format::Csv, None),
        (Format::Csv, Some(Compression::Gzip)),
        (Format::Csv, Some(Compression::Zstd)),
        (Format::Parquet, None),
        (Format::Arrow, None),
    ] {
        let error = content.write(full.try_clone().unwrap(), format, compression).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{format:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_followed_and_what_is_no_file_is_left_alone() {
    let written = Written::new([(1, Some(11))]).await;
    std::os::unix::fs::symlink(written.path("there.csv"), written.path("link.csv")).unwrap();
    fs::write(written.path("there.csv"), "old").unwrap();
    let exported = written.export("totals", "link.csv").await;
    assert!(fs::symlink_metadata(written.path("link.csv")).unwrap().is_symlink());
    assert_eq!(fs::metadata(written.path("there.csv")).unwrap().len(), exported.size_bytes);

    std::os::unix::fs::symlink(written.path("nowhere/there.csv"), written.path("dangling.csv")).unwrap();
    let request = Request { view: "totals".into(), ..Request::default() };
    let dangling = written.path("dangling.csv");
    let refused = export(written.engine.reader(), &request, &dangling, &ExportOptions::default()).await.unwrap_err();
    assert!(refused.to_string().contains("leads nowhere"), "{refused}");
    assert!(fs::symlink_metadata(&dangling).unwrap().is_symlink());

    // As /dev/stdout is where standard output is a pipe: a link to something without a path.
    let (pipe, _writer) = std::io::pipe().unwrap();
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&pipe);
    let piped = written.path("pipe.csv");
    std::os::unix::fs::symlink(format!("/proc/self/fd/{descriptor}"), &piped).unwrap();
    assert!(export(written.engine.reader(), &request, &piped, &ExportOptions::default()).await.is_err());
    assert!(fs::symlink_metadata(&piped).unwrap().is_symlink());

    let socket = written.path("socket.csv");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let request = Request { view: "totals".into(), ..Request::default() };
    let options = ExportOptions { format: Some(Format::Csv), ..ExportOptions::default() };
    let error = export(written.engine.reader(), &request, &socket, &options).await.unwrap_err();
    assert!(error.to_string().contains("not a file"), "{error}");
    assert!(!fs::metadata(&socket).unwrap().is_file());
}
