//! What the compiler says to whoever uses longhaul wrongly: programs in `ui/` that do not compile, with its messages beside
//! them. `TRYBUILD=overwrite cargo test -p longhaul-messages` writes the messages anew; read them before they are committed.
