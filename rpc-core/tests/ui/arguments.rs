use std::borrow::Cow;

use rpc_core::Status;

#[rpc_core::service]
trait Chat {
    fn borrowed(&self, room: &str) -> Result<(), Status>;
    fn borrowed_inside(&self, rooms: Vec<Option<&'static str>>) -> Result<(), Status>;
    fn lifetime(&self, room: Cow<'_, str>) -> Result<(), Status>;
    fn owned_all_the_same(&self, room: Cow<'static, str>) -> Result<(), Status>;
    fn opaque(&self, room: impl Into<String>) -> Result<(), Status>;
    fn of_one_side(&self, other: Box<Self>) -> Result<(), Status>;
    fn uncountable(&self, beats: Option<Vec<()>>, counted: Vec<((), u8)>) -> Result<(), Status>;
    fn ignored(&self, _: String) -> Result<(), Status>;
    fn conditional(&self, #[cfg(all())] room: String) -> Result<(), Status>;
    #[rustfmt::skip]
    fn sixteen(
        &self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8,
        i: u8, j: u8, k: u8, l: u8, m: u8, n: u8, o: u8, p: u8,
    ) -> Result<(), Status>;
    #[rustfmt::skip]
    fn seventeen(
        &self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8,
        i: u8, j: u8, k: u8, l: u8, m: u8, n: u8, o: u8, p: u8, q: u8,
    ) -> Result<(), Status>;
}

fn main() {}
