//! XMPP over WebSocket (RFC 7395), with rooms of multi-user chat: one's own message comes back from the room, and that is its
//! acknowledgement.

use super::clients::{Client, Dialect, Frames, Seen, TEXT_ENDS};

/// How clients of ejabberd talk.
pub struct Xmpp;

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";
const SIGN_IN: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
const BIND: &str = "<iq type='set' id='bind' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

impl Dialect for Xmpp {
    fn path(&self) -> &'static str {
        "/ws"
    }

    fn subprotocol(&self) -> &'static str {
        "xmpp"
    }

    fn greet(&self, _client: &Client, out: &mut Frames) {
        out.text(OPEN);
    }

    fn take(&self, client: &Client, stream: &mut Vec<u8>, out: &mut Frames, seen: &mut Vec<Seen>) -> bool {
        let mut from = 0;
        while let Some(length) = stream[from..].iter().position(|byte| *byte == TEXT_ENDS) {
            let Ok(stanza) = std::str::from_utf8(&stream[from..from + length]) else { return false };
            from += length + 1;
            if stanza.starts_with("<open") || stanza.starts_with("<presence") && !stanza.contains("code='110'") {
                continue;
            }
            if stanza.starts_with("<stream:features") {
                out.text(if stanza.contains("ANONYMOUS") { SIGN_IN } else { BIND });
            } else if stanza.starts_with("<success") {
                out.text(OPEN);
            } else if stanza.starts_with("<iq") && stanza.contains("id='bind'") {
                for room in &client.rooms {
                    out.text(&format!(
                        "<presence xmlns='jabber:client' to='r{room}@conference.localhost/u{}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>",
                        client.number
                    ));
                }
                if client.rooms.is_empty() {
                    seen.push(Seen::Here);
                }
            } else if stanza.starts_with("<presence") {
                // One's own, from a room: one is in it. The last room is the last to say so.
                let last = client.rooms.last().map(|room| format!("r{room}@"));
                if last.is_some_and(|last| stanza.contains(&last)) {
                    seen.push(Seen::Here);
                }
            } else if let Some((_, rest)) = stanza.split_once("<body>") {
                let Some((text, _)) = rest.split_once("</body>") else { return false };
                seen.push(Seen::Message(text.as_bytes().to_vec()));
            } else if !stanza.starts_with("<message") && !stanza.starts_with("<iq") {
                return false;
            }
        }
        stream.drain(..from);
        true
    }

    fn publish(&self, _client: &Client, room: u32, id: u16, text: &[u8], out: &mut Frames) {
        let text = String::from_utf8_lossy(text);
        out.text(&format!(
            "<message xmlns='jabber:client' to='r{room}@conference.localhost' type='groupchat' id='{id}'><body>{text}</body></message>"
        ));
    }

    fn echo_acknowledges(&self) -> bool {
        true
    }
}
