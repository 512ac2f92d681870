//! Makes Cargo compile anew when a file of the web pages is added or taken away; what is in them it notices by itself.

fn main() {
    println!("cargo::rerun-if-changed=src/web/pages");
    println!("cargo::rerun-if-changed=src/web/build.rs");
}
