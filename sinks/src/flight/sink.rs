//! The Flight service: each method of the protocol, and who answers it.

use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaAsIpc, SchemaResult,
};
use engine::{Ingest, Reader};
use futures::stream::{self, BoxStream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::action::{self, Health};
use super::call::Call;
use super::catalogue;
use super::encode::wire_schema;
use super::feed::Feed;
use super::handshake;
use super::metrics::FlightMetrics;
use super::put;
use super::status::{internal, to_status, unimplemented};
use super::ticket::Ticket;
use crate::stopping::Stopping;

/// Serves an engine's views, and takes what is pushed to it.
pub(super) struct FlightSink {
    pub(super) reader: Reader,
    pub(super) ingest: Ingest,
    pub(super) metrics: FlightMetrics,
    pub(super) stopping: Stopping,
}

impl FlightSink {
    fn info(&self, ticket: &Ticket) -> Result<FlightInfo, Status> {
        let spec = self.reader.view(&ticket.view).map_err(to_status)?;
        catalogue::entry(spec, ticket).map_err(internal)
    }
}

type Answer<T> = Result<Response<T>, Status>;
type AnswerStream<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl FlightService for FlightSink {
    type HandshakeStream = AnswerStream<HandshakeResponse>;
    type ListFlightsStream = AnswerStream<FlightInfo>;
    type DoGetStream = AnswerStream<FlightData>;
    type DoPutStream = AnswerStream<PutResult>;
    type DoExchangeStream = AnswerStream<FlightData>;
    type DoActionStream = AnswerStream<arrow_flight::Result>;
    type ListActionsStream = AnswerStream<ActionType>;

    async fn list_flights(&self, request: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        if !request.get_ref().expression.is_empty() {
            return Err(Status::invalid_argument("the catalogue takes no criteria (help: leave the expression empty)"));
        }
        let views = self.reader.views();
        let entries: Vec<_> = views.map(|spec| self.info(&Ticket::snapshot(&spec.name))).collect();
        Ok(Response::new(stream::iter(entries).boxed()))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        let ticket = catalogue::ticket_of(request.get_ref()).map_err(to_status)?;
        self.info(&ticket).map(Response::new)
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        let ticket = catalogue::ticket_of(request.get_ref()).map_err(to_status)?;
        let spec = self.reader.view(&ticket.view).map_err(to_status)?;
        let schema = wire_schema(spec);
        SchemaAsIpc::new(&schema, &IpcWriteOptions::default()).try_into().map(Response::new).map_err(internal)
    }

    async fn do_get(&self, request: Request<arrow_flight::Ticket>) -> Answer<Self::DoGetStream> {
        let call = Call::of(&request)?;
        let ticket = Ticket::parse(&request.get_ref().ticket).map_err(to_status)?;
        call.read(&ticket.view)?;
        Health::check(&self.reader).map_err(to_status)?;
        let feed = Feed::open(&self.reader, &ticket, self.metrics.clone(), self.stopping.clone(), call).await;
        Ok(Response::new(feed.map_err(to_status)?.into_stream().boxed()))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        let call = Call::of(&request)?;
        Health::check(&self.reader).map_err(to_status)?;
        let (ingest, metrics, stopping) = (self.ingest.clone(), self.metrics.clone(), self.stopping.clone());
        let receipts = put::receive(request.into_inner(), ingest, metrics, stopping, call).await?;
        Ok(Response::new(receipts.boxed()))
    }

    async fn do_action(&self, request: Request<Action>) -> Answer<Self::DoActionStream> {
        Call::of(&request)?.act(&request.get_ref().r#type)?;
        let body = action::answer(request.get_ref(), &self.reader).await.map_err(to_status)?;
        let answer = arrow_flight::Result { body: body.into() };
        Ok(Response::new(stream::iter([Ok(answer)]).boxed()))
    }

    async fn list_actions(&self, _: Request<Empty>) -> Answer<Self::ListActionsStream> {
        Ok(Response::new(stream::iter(action::list().map(Ok)).boxed()))
    }

    async fn handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> Answer<Self::HandshakeStream> {
        handshake::answer(request.metadata())
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Answer<PollInfo> {
        Err(unimplemented("PollFlightInfo", "views can be read at once: use GetFlightInfo"))
    }

    async fn do_exchange(&self, _: Request<Streaming<FlightData>>) -> Answer<Self::DoExchangeStream> {
        Err(unimplemented("DoExchange", "subscribe with DoGet, and push with DoPut"))
    }
}
