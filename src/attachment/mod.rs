//! Files that people upload.
