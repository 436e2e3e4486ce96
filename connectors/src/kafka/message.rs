//! What stands beside the payload of a message: its headers, its key, its time, and where it stands.

use std::borrow::Cow;

use rdkafka::Message;
use rdkafka::message::Headers;

use crate::layout::{Beside, Fault, Given, MessagePart, TextRow, guarded};

/// How much of a message's headers a refusal tells.
const TOLD_CHARS_MAX: usize = 512;

/// The name of a header, and its value.
type NamedValue<'m> = (&'m str, Option<&'m [u8]>);

/// The row of a payload, followed by what stands beside it.
pub(crate) struct MessageRow<'a, M> {
    pub(crate) payload: &'a dyn TextRow,
    /// How many columns the payload has.
    pub(crate) width: usize,
    pub(crate) beside: &'a [Beside],
    pub(crate) message: &'a M,
}

impl<M: Message> TextRow for MessageRow<'_, M> {
    fn value(&self, column: usize) -> Result<Given<'_>, Fault> {
        match column.checked_sub(self.width).and_then(|beside| self.beside.get(beside)) {
            None => self.payload.value(column),
            Some(Beside::Header(name)) => header(self.message, name),
            Some(Beside::Part(part)) => self::part(self.message, *part),
        }
    }
}

fn part<M: Message>(message: &M, part: MessagePart) -> Result<Given<'_>, Fault> {
    Ok(match part {
        MessagePart::Key => Given::Text(Cow::Borrowed(message.key().map_or(Ok(""), key_text)?)),
        MessagePart::Timestamp => {
            let millis = message.timestamp().to_millis();
            millis.map_or(Given::NOTHING, |millis| Given::Time(millis.checked_mul(1000)))
        }
        MessagePart::Topic => Given::Text(Cow::Borrowed(message.topic())),
        MessagePart::Partition => Given::Integer(message.partition().into()),
        MessagePart::Offset => Given::Integer(message.offset()),
    })
}

/// The last header of a name, as other clients of Kafka read it.
fn header<'m, M: Message>(message: &'m M, name: &str) -> Result<Given<'m>, Fault> {
    let last = headers(message)?.into_iter().rev().find(|(known, _)| *known == name);
    last.and_then(|(_, value)| value).map_or(Ok(Given::NOTHING), text)
}

fn headers<M: Message>(message: &M) -> Result<Vec<NamedValue<'_>>, Fault> {
    let Some(headers) = message.headers() else { return Ok(Vec::new()) };
    // The client panics at a name that is not text.
    let read = guarded(|| {
        Ok((0..headers.count())
            .filter_map(|index| headers.try_get(index))
            .map(|header| (header.key, header.value))
            .collect())
    });
    read.map_err(|_| Fault::new("the name of a header is not text in the encoding utf-8", "name headers in UTF-8"))
}

fn text(bytes: &[u8]) -> Result<Given<'_>, Fault> {
    utf8(bytes).map(|text| Given::Text(Cow::Borrowed(text)))
}

/// The text of a key.
pub(crate) fn key_text(key: &[u8]) -> Result<&str, Fault> {
    if key.first() == Some(&0) {
        let what = "the key begins with a zero byte, as Avro does whose schema is in a registry: text was expected";
        return Err(Fault::new(what, "send the key as plain text, with a serializer of strings"));
    }
    utf8(key)
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| {
        let what = format!("byte {} is not text in the encoding utf-8", error.valid_up_to());
        Fault::new(what, "send it as text, or take out the column that it is read from")
    })
}

/// The headers of a message, for the person who looks at why it was refused. Empty if there are none.
#[cold]
pub(crate) fn told_headers<M: Message>(message: &M) -> String {
    let Ok(headers) = headers(message) else { return String::new() };
    if headers.is_empty() {
        return String::new();
    }
    let shown = |(name, value): &NamedValue<'_>| match value {
        Some(value) => format!("{name}={}", String::from_utf8_lossy(&value[..value.len().min(TOLD_CHARS_MAX)])),
        None => (*name).to_owned(),
    };
    let shown: Vec<String> = headers.iter().take(TOLD_CHARS_MAX).map(shown).collect();
    let all = shown.join(", ");
    let cut: String = all.chars().take(TOLD_CHARS_MAX).collect();
    let more = if cut.len() < all.len() { "…" } else { "" };
    format!(" (headers: {cut}{more})")
}
