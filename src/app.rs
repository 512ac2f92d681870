//! Puts the server together, runs it, and takes it apart again. The only place that names engines.

use crate::attachment::Attachments;
use crate::audit::AuditLog;
use crate::auth::Auth;
use crate::chat::Chats;
use crate::clock::Clock;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::delivery::Delivery;
use crate::directory::Directory;
use crate::engines::Engines;
use crate::gateway::Gateway;
use crate::ids::Seal;
use crate::log::Committed;
use crate::metrics;
use crate::net::admission::Caps;
use crate::net::tls::Certificate;
use crate::net::{Listener, Times, open_files};
use crate::open_api::{self, OpenApi};
use crate::operator::demo;
use crate::peers::{Kind, Peers};
use crate::session::presence::Presence;
use crate::session::{Lane, Registry};
use crate::store::tables::{self, Table};
use crate::store::{Store, Write};
use crate::urgent::Urgents;
use crate::web::{Site, Starting, Who};
use axum::Router;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Name of the fact that identifiers are sealed with.
const SEAL_KEY: &str = "seal_key";

/// Runs the server until it is told to go.
///
/// # Errors
/// One sentence for the operator: why it could not start.
pub async fn run(config: Config) -> Result<(), String> {
    metrics::register();
    // A limit on the size of files is then an error like a full disk, and not the end of the process.
    // SAFETY: the signal is ignored from here on; no handler runs.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let config = Arc::new(config);
    let clock = Clock::default();
    let folder = DataFolder::take(&config.data)?;
    let certificate = match (&config.tls_certificate, &config.tls_key) {
        (Some(certificate), Some(key)) => Some(Certificate::load(certificate, key)?),
        (None, None) => None,
        _ => return Err("tls_certificate and tls_key belong together; set both or neither".into()),
    };
    // The port is taken before anything is written: of two servers by mistake, the second changes nothing.
    let listener = Listener::bind(config.listen, certificate.clone(), caps(&config), Times::default())?;
    let address = listener.local_addr().map_err(|error| format!("the address of the port cannot be read: {error}"))?;

    let grace = Duration::from_secs(config.drain_seconds);
    let (stop_accepting, accepting) = watch::channel(false);
    // A node that waits for its servers says so, on the same port.
    let starting = Starting::new(config.metrics_from.clone());
    let serving = tokio::spawn(serve(listener, starting.clone(), accepting, grace));
    let mut told_to_go = std::pin::pin!(told_to_go());
    // The kernel gives its thread a turn at once, while a task waits behind all that are ready: thousands in a burst to everybody.
    let urgent_runtime = UrgentRuntime::start()?;
    let urgents_on = if config.urgent_lane { urgent_runtime.1.clone() } else { Handle::current() };
    let loaded = tokio::select! {
        loaded = load(&config, &clock, &starting, &urgents_on) => Some(loaded?),
        () = &mut told_to_go => None,
    };
    let Some(Loaded { engines, committed, urgents_committed, directory, auth, demo, peers, attachments, audit, chats, urgents }) = loaded
    else {
        tracing::info!("told to go before log and store were there");
        stop_accepting.send_replace(true);
        return serving.await.map_err(|error| format!("the listener has ended badly: {error}"));
    };
    let uploads = attachments.clone();

    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let registry = Arc::new(Registry::new(cores, config.heartbeat_seconds as usize));
    let presence = Arc::new(Presence::new(registry.clone(), directory.clone(), clock.clone(), peers.clone()));
    let (delivery, workers) = Delivery::new(registry.clone(), presence.elsewhere.clone(), peers.clone(), chats.clone(), urgents.clone());
    let who = Arc::new(Who::new(auth.clone(), &config, address));
    let site = Site::new(&config, who.clone(), auth.clone(), directory.clone(), attachments.clone(), chats.clone());
    let site = engines.checks().into_iter().fold(site, Site::check);
    let gateway = Arc::new(Gateway {
        chats: chats.clone(),
        urgents: urgents.clone(),
        auth: Arc::new(auth.clone()),
        directory: directory.clone(),
        registry: registry.clone(),
        presence: presence.clone(),
        delivery: delivery.clone(),
        clock: clock.clone(),
        config: config.clone(),
        who,
        page_prefix: site.prefix(),
        url: if config.public_url.is_none() && address.ip().is_unspecified() { String::new() } else { config.url(address) },
        greeting: AtomicUsize::new(0),
        draining: std::sync::atomic::AtomicBool::new(false),
        read_in: dashmap::DashSet::new(),
    });
    let open_api =
        OpenApi::new(chats.clone(), urgents.clone(), auth.clone(), attachments, audit.clone(), config.clone(), config.url(address));
    let router: Router = gateway.router().merge(open_api::router(open_api)).merge(site.router());

    let (stop_tasks, tasks_stop) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(presence.clone().tell(tasks_stop.clone()));
    tasks.spawn(presence.follow_peers(tasks_stop.clone()));
    tasks.spawn(chats.clone().follow_others(tasks_stop.clone()));
    tasks.spawn(chats.clone().follow_sends(tasks_stop.clone()));
    tasks.spawn(chats.clone().keep_at_hand(tasks_stop.clone()));
    tasks.spawn(urgents.clone().follow_moves(tasks_stop.clone()));
    tasks.spawn(urgents.clone().run(tasks_stop.clone()));
    tasks.spawn(urgents.clone().run_providers(tasks_stop.clone()));
    tasks.spawn(delivery.clone().tell_urgent_counts(urgents.clone(), tasks_stop.clone()));
    tasks.spawn(gateway.clone().beat(tasks_stop.clone()));
    tasks.spawn(gateway.clone().close_revoked(tasks_stop.clone()));
    tasks.spawn(gateway.clone().tell_read_counts(tasks_stop.clone()));
    tasks.spawn(gateway.clone().tell_people(tasks_stop.clone()));
    tasks.spawn(chats.clone().write_receipts(tasks_stop.clone()));
    tasks.spawn(audit.write(tasks_stop.clone()));
    tasks.spawn(chats.clone().follow_departments(tasks_stop.clone()));
    tasks.spawn(chats.clone().let_leavers_go(auth.clone(), tasks_stop.clone()));
    let kept = auth.clone();
    tasks.spawn(until(tasks_stop.clone(), async move { kept.keep().await }));
    let followed = auth.clone();
    tasks.spawn(until(tasks_stop.clone(), async move { followed.follow_apps().await }));
    let followed = auth.clone();
    tasks.spawn(until(tasks_stop.clone(), async move { followed.follow_others().await }));
    tasks.spawn(until(tasks_stop.clone(), async move { directory.follow().await }));
    tasks.spawn(until(tasks_stop.clone(), async move { uploads.keep().await }));
    tasks.spawn(chats.clone().run_batches(tasks_stop.clone()));
    let kept = chats.clone();
    tasks.spawn(until(tasks_stop.clone(), async move { kept.keep().await }));
    tasks.spawn(until(tasks_stop.clone(), engines.keep(&config, &clock)));
    if let Some(certificate) = certificate {
        tasks.spawn(until(tasks_stop, certificate.keep_fresh()));
    }
    // These end with the log: what was committed is handed out to the last.
    let mut followers = JoinSet::new();
    if let Some(joins) = chats.follow_joins() {
        followers.spawn(delivery.clone().follow_joins(joins));
    }
    let (stop_urgents, urgents_stop) = watch::channel(false);
    let mut urgent_followers = JoinSet::new();
    urgent_followers.spawn_on(Delivery::follow_urgents(urgents.clone(), urgents_committed), &urgents_on);
    if let Some(tells) = urgents.tells() {
        let lane = if config.urgent_lane { Lane::Urgent } else { Lane::Ordinary };
        urgent_followers.spawn_on(delivery.clone().tell_urgents(urgents.clone(), lane, tells, urgents_stop), &urgents_on);
    }
    if let Some(aimed) = peers.told(Kind::Events) {
        followers.spawn(delivery.clone().follow_aimed(aimed));
    }
    followers.spawn(delivery.follow(committed));
    for worker in workers {
        followers.spawn(worker.run());
    }
    // Heard by the other nodes from here on: everything that they may ask is answered.
    let (counted, (stop_beating, beating)) = (registry.clone(), watch::channel(false));
    let beat = tokio::spawn(peers.clone().run(move || counted.count() as u64, beating));
    starting.started(router);

    println!("clarion is ready: {}", config.url(address));
    if let Some(demo) = demo {
        println!("{demo}");
    }
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "ready");

    told_to_go.await;
    tracing::info!("draining");
    stop_accepting.send_replace(true);
    peers.leave();
    gateway.drain().await;
    if serving.await.is_err() {
        tracing::error!("the listener had panicked");
    }
    stop_tasks.send_replace(true);
    while let Some(ended) = tasks.join_next().await {
        if ended.is_err() {
            tracing::error!("a task had panicked");
        }
    }
    if let Err(error) = auth.flush().await {
        tracing::warn!(%error, "when devices were last seen could not be written");
    }
    stop_beating.send_replace(true);
    if beat.await.is_err() {
        tracing::error!("the task that tells the other nodes had panicked");
    }
    engines.close().await?;
    followers.shutdown().await;
    stop_urgents.send_replace(true);
    urgent_followers.shutdown().await;
    drop(folder);
    tracing::info!("gone");
    Ok(())
}

/// Serves as soon as there is something to be told.
async fn serve(listener: Listener, starting: Starting, accepting: watch::Receiver<bool>, grace: Duration) {
    let mut stop = accepting.clone();
    let wanted = tokio::select! {
        () = starting.wanted() => true,
        _ = stop.wait_for(|stop| *stop) => false,
    };
    if wanted {
        listener.serve(starting.router(), accepting, grace).await;
    }
}

/// What is read, and at the first start made, before anybody is served.
struct Loaded {
    engines: Engines,
    committed: mpsc::Receiver<Vec<Committed>>,
    urgents_committed: mpsc::Receiver<Vec<Committed>>,
    directory: Directory,
    auth: Auth,
    /// What a starting demo has to say.
    demo: Option<String>,
    peers: Arc<Peers>,
    attachments: Arc<Attachments>,
    audit: Arc<AuditLog>,
    chats: Arc<Chats>,
    urgents: Arc<Urgents>,
}

/// Opens log and store and reads what stands there; in a cluster for as long as it takes until they answer.
async fn load(config: &Arc<Config>, clock: &Clock, starting: &Starting, urgent_runtime: &Handle) -> Result<Loaded, String> {
    let engines = Engines::open(config, clock, starting, urgent_runtime).await?;
    let first_start = engines.patiently(starting, || engines.first_start()).await?;
    let (log, store) = (engines.log.clone(), engines.store.clone());
    let committed = log.follow().ok_or("the log is followed already")?;
    let urgents_committed = log.follow_urgents().ok_or("urgents are followed already")?;
    let seal = Seal::new(engines.patiently(starting, || seal_key(&*store)).await?);
    let directory = engines.patiently(starting, || Directory::load(store.clone())).await?;
    directory.name_organisation(&config.organisation_name);
    let auth = engines.patiently(starting, || Auth::load(store.clone(), directory.clone(), clock.clone(), config)).await?;
    let demo = demo::make_if_wanted(config, &store, &directory, &auth).await?;
    drop(first_start);
    let peers = engines.peers(config).await?;
    let attachments = Arc::new(Attachments::open(config, store.clone(), clock.clone()).await?);
    engines.patiently(starting, || attachments.load()).await?;
    let audit = AuditLog::new(store.clone(), clock.clone(), config.audit_days);
    let chats = || {
        let (log, store, directory, attachments) = (log.clone(), store.clone(), directory.clone(), attachments.clone());
        Chats::load(log, store, directory, attachments, peers.clone(), seal.clone(), clock.clone(), config.clone())
    };
    let chats = engines.patiently(starting, chats).await?;
    let urgents = engines.patiently(starting, || Urgents::load(chats.clone(), audit.clone(), urgent_runtime.clone())).await?;
    Ok(Loaded { engines, committed, urgents_committed, directory, auth, demo, peers, attachments, audit, chats, urgents })
}

/// A thread for urgents alone, with everything that they wait for. It ends with this, whatever is still to be done there.
struct UrgentRuntime(Option<Runtime>, Handle);

impl UrgentRuntime {
    fn start() -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("urgents").enable_all().build();
        let runtime = runtime.map_err(|error| format!("the thread `urgents` cannot be started: {error}"))?;
        let handle = runtime.handle().clone();
        Ok(Self(Some(runtime), handle))
    }
}

impl Drop for UrgentRuntime {
    fn drop(&mut self) {
        // One that is dropped would wait, which a task must not.
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// Runs something until told to stop.
async fn until(mut stop: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

fn caps(config: &Config) -> Caps {
    let trusted = config.trusted_proxies.clone();
    Caps {
        connections: open_files::connections(config.connections_max, open_files::raise_limit()) as usize,
        connections_per_address: config.connections_per_address_max as usize,
        handshakes: config.handshakes_max as usize,
        handshakes_per_address: (config.handshakes_max / 2).max(1) as usize,
        trusted_proxy: Arc::new(move |address| trusted.contains(address)),
        requests_per_second_per_address: config.requests_per_second_per_address,
    }
}

/// The key of this organisation's identifiers; made at the first start.
async fn seal_key(store: &dyn Store) -> crate::error::Result<[u8; 16]> {
    let row = tables::text_key(SEAL_KEY);
    if let Some(kept) = store.get(Table::Facts, tables::none(), row.clone()).await? {
        return kept.try_into().map_err(|_| crate::error::Error::storage("the key of identifiers is damaged"));
    }
    let key: [u8; 16] = rand::random();
    store.write(vec![Write::Put(Table::Facts, tables::none(), row, key.to_vec())]).await?;
    Ok(key)
}

/// Resolves at SIGTERM or SIGINT.
async fn told_to_go() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ => {
            tracing::error!("signals cannot be received; end the server with SIGKILL");
            std::future::pending::<()>().await;
        }
    }
}
