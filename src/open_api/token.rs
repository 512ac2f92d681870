//! Tokens of apps. The replies are flat, and the request may come without a content type.

use super::OpenApi;
use super::envelope::{Answer, Reply};
use super::error::Refusal;
use super::input::Input;
use crate::auth::TenantTokenRefused;
use serde_json::json;
use std::sync::Arc;

/// `POST auth/v3/tenant_access_token/internal`
pub async fn tenant(api: Arc<OpenApi>, mut input: Input) -> Answer {
    let (token, expire) = issue(&api, &mut input)?;
    Ok(Reply::Flat(json!({ "tenant_access_token": token, "expire": expire })))
}

/// `POST auth/v3/app_access_token/internal`
pub async fn app(api: Arc<OpenApi>, mut input: Input) -> Answer {
    let (token, expire) = issue(&api, &mut input)?;
    Ok(Reply::Flat(json!({ "app_access_token": token, "tenant_access_token": token, "expire": expire })))
}

fn issue(api: &OpenApi, input: &mut Input) -> Result<(String, u64), Refusal> {
    let (app_id, app_secret) = (input.text("app_id").unwrap_or_default(), input.text("app_secret").unwrap_or_default());
    if app_id.is_empty() || app_secret.is_empty() {
        return Err(Refusal::new(
            10_003,
            "invalid param: `app_id` and `app_secret` are required and cannot be empty; send both in a JSON object",
        ));
    }
    api.auth.tenant_token(&app_id, &app_secret).map_err(|refused| match refused {
        TenantTokenRefused::AppNotFound => Refusal::new(
            10_003,
            format!(
                "invalid param: there is no app `{}`; check the app_id, or make the app with `clarion app create`",
                crate::error::clip(&app_id)
            ),
        ),
        TenantTokenRefused::WrongSecret => {
            Refusal::new(10_015, "app secret invalid: it is not the secret of this app; check it, or make a new one")
        }
        TenantTokenRefused::AppDisabled => {
            Refusal::new(10_014, "app status unavailable: the app is disabled; ask the operator to enable it")
        }
    })
}
