//! `GET /fhir/Task/{id}/$allowed-transitions`: what the caller may do next.
//! `profiles/OperationDefinition-allowed-transitions.json` defines it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::{Parameters, ParametersParameter, ParametersParameterValue};

use super::super::edge::{RequestId, Who};
use super::super::media::FHIR_JSON;
use super::super::segment::Segment;
use super::{Asking, id_of};
use crate::app::App;
use crate::refusal::Refusal;
use crate::task::callback::CallbackTask;
use crate::task::change::{Element, Option as Allowed, SIGNAL, options};

pub(in crate::http) async fn allowed(
    State(app): State<Arc<App>>,
    who: Who,
    request_id: RequestId,
    id: Segment,
) -> Result<Response, Refusal> {
    let asking = Asking::new(&app, &who, &request_id)?;
    let (task, _) = asking.seen(id_of(&id)?).await?;
    let options = options(&asking.actor(), &CallbackTask::stored(&task.body).ok_or(Refusal::Bug)?);
    let mut parameter: Vec<ParametersParameter> = options.list.iter().map(transition).collect();
    parameter.extend(options.amend.iter().map(|name| valued("amend", ParametersParameterValue::String((*name).into()))));
    if options.attempt {
        parameter.push(valued("attempt", ParametersParameterValue::String(SIGNAL.into())));
    }
    let answer = Resource::Parameters(Box::new(Parameters { parameter, ..Default::default() }));
    let mut response = ([(CONTENT_TYPE, FHIR_JSON)], neuvola_fhir::print(&answer)).into_response();
    asking.date(&mut response, &task);
    Ok(response)
}

fn transition(option: &Allowed) -> ParametersParameter {
    let mut part = vec![
        valued("to", ParametersParameterValue::Code(option.to.code().into())),
        valued("side", ParametersParameterValue::Code(option.side.name().into())),
        valued("what", ParametersParameterValue::String(option.what.into())),
    ];
    part.extend(option.elements.iter().map(change));
    ParametersParameter { name: "transition".into(), part, ..Default::default() }
}

fn change(element: &Element) -> ParametersParameter {
    let part = vec![
        valued("element", ParametersParameterValue::String(element.path.into())),
        valued("required", ParametersParameterValue::Boolean(element.required.into())),
        valued("value", ParametersParameterValue::String(element.value.as_str().into())),
    ];
    ParametersParameter { name: "change".into(), part, ..Default::default() }
}

fn valued(name: &str, value: ParametersParameterValue) -> ParametersParameter {
    ParametersParameter { name: name.into(), value: Some(value), ..Default::default() }
}
