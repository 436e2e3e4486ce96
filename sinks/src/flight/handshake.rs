//! `Handshake`: a client that has a name and a secret is given the token to go on with.
//!
//! JDBC and ADBC log in like this, and `authenticate_basic_token` of pyarrow. The guard has checked what they show by now.

use arrow_flight::HandshakeResponse;
use futures::stream::{self, BoxStream, StreamExt};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Response, Status};

use super::status::to_status;
use crate::access::Credentials;

/// The token, in the header `authorization` and in the one message of the answer.
pub(super) fn answer(
    metadata: &MetadataMap,
) -> Result<Response<BoxStream<'static, Result<HandshakeResponse, Status>>>, Status> {
    let shown = Credentials::of(metadata.as_ref()).map_err(to_status)?;
    // Whoever needs to show nothing has no token to go on with.
    let token = shown.map(Credentials::into_token).unwrap_or_default();
    let message = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
    let mut response = Response::new(stream::iter([Ok(message)]).boxed());
    if !token.is_empty() {
        let value = MetadataValue::try_from(format!("Bearer {token}"));
        // The secrets of tokens can all be put into a header: that was checked when they were read.
        let mut value = value.map_err(|_| Status::unauthenticated("this token cannot be sent back"))?;
        value.set_sensitive(true);
        response.metadata_mut().insert("authorization", value);
    }
    Ok(response)
}
