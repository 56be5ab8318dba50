//! Large blocks of bytes, which are passed on from where they lie: what arrives is what was sent.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::{Arc, Mutex};

use rpc_core::{Bytes, Client, Server, Status, Stream};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Picture {
    name: String,
    pixels: Bytes,
    thumbnail: Option<Bytes>,
    size: (u32, u32),
}

#[rpc_core::service]
trait Gallery {
    /// Gives everything back, the last first.
    fn turn(&self, pictures: Vec<Picture>) -> Result<Vec<Picture>, Status>;
    /// Keeps it; what was kept before.
    fn hang(&self, picture: Picture) -> Result<Option<Picture>, Status>;
    fn copies(&self, picture: Picture, count: usize) -> Result<Stream<Picture>, Status>;
}

#[derive(Default)]
struct Wall(Mutex<Option<Picture>>);

impl Gallery for Wall {
    fn turn(&self, mut pictures: Vec<Picture>) -> Result<Vec<Picture>, Status> {
        pictures.reverse();
        Ok(pictures)
    }

    fn hang(&self, picture: Picture) -> Result<Option<Picture>, Status> {
        Ok(self.0.lock().unwrap().replace(picture))
    }

    fn copies(&self, picture: Picture, count: usize) -> Result<Stream<Picture>, Status> {
        Ok(Stream::from_iter((0..count).map(move |_| picture.clone())))
    }
}

fn gallery() -> (Server, GalleryClient) {
    let server = Server::builder()
        .service(GalleryService::new(Arc::new(Wall::default())))
        .bind("127.0.0.1:0")
        .unwrap();
    let client = GalleryClient::new(Client::connect(server.address().to_string()));
    (server, client)
}

/// Every pixel differs from its neighbours, and from the same one of another picture.
fn picture(number: u8, pixels: usize) -> Picture {
    let pixel = (number..=250).chain(0..number).cycle();
    Picture {
        name: format!("picture {number}"),
        pixels: pixel.clone().take(pixels).collect::<Vec<u8>>().into(),
        thumbnail: number.is_multiple_of(2).then(|| pixel.take(40_000).collect::<Vec<u8>>().into()),
        size: (u32::from(number), 7),
    }
}

#[test]
fn large_blocks_come_back_in_their_places_whatever_their_sizes() {
    let (_server, gallery) = gallery();
    for pixels in [0, 1, 32_767, 32_768, 32_769, 65_536, 1 << 20] {
        let sent: Vec<_> = (0..4).map(|number| picture(number, pixels)).collect();
        let mut back = gallery.turn(sent.clone()).unwrap();
        back.reverse();
        assert!(back == sent, "{pixels} pixels");
    }
}

/// What a procedure keeps of a frame is not written over by the next.
#[test]
fn what_is_kept_of_a_call_stays_as_it_was() {
    let (_server, gallery) = gallery();
    let mut before = None;
    for number in 0..20 {
        let sent = picture(number, 300_000 + usize::from(number));
        assert!(gallery.hang(sent.clone()).unwrap() == before, "picture {number}");
        before = Some(sent);
    }
}

#[test]
fn many_calls_at_once_send_the_same_block() {
    let (_server, gallery) = gallery();
    let sent = picture(2, 200_000);
    let pending: Vec<_> = (0..20).map(|_| gallery.start().turn(vec![sent.clone(), sent.clone()])).collect();
    assert!(pending.into_iter().all(|answer| answer.wait().unwrap() == [sent.clone(), sent.clone()]));
}

#[test]
fn items_of_a_stream_may_keep_the_frame_they_came_in() {
    let (_server, gallery) = gallery();
    let sent = picture(3, 100_000);
    let copies: Vec<_> = gallery.copies(sent.clone(), 50).unwrap().map(Result::unwrap).collect();
    assert_eq!(copies.len(), 50);
    assert!(copies.iter().all(|copy| *copy == sent));
}
