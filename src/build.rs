//! Knowledge and fixtures travel in the binary: a change there builds it anew.

fn main() {
    for folder in ["profiles", "fixtures"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
