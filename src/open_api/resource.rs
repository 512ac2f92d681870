//! stub until attachments come
