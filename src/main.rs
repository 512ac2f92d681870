//! Arguments, settings, run, exit code.

use clarion::config::Config;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let flag = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1)).cloned();
    let config = match Config::read(None, std::env::vars(), flag("--listen").as_deref(), flag("--data").as_deref().map(std::path::Path::new)) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return;
        }
    };
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if let Err(error) = runtime.block_on(clarion::app::run(config)) {
        eprintln!("{error}");
    }
}
