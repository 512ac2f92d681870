//! Which node is at home for what: rendezvous hashing over the nodes that are alive.
//!
//! Each chat falls into one of 1,024 shards; each node has a weight for each shard, made of both, and the heaviest is at
//! home. So all nodes that know of the same nodes agree, and a node that comes or goes moves its own share only.

use super::NodeId;

/// Shards; many more than nodes, so that the shares are about the same.
const SHARDS: u64 = 1_024;

/// The home of each shard, and who would be it next.
pub(super) struct Homes(Vec<(NodeId, Option<NodeId>)>);

impl Homes {
    /// Homes over these nodes. A node's name decides, so that it is at home for the same after a restart.
    pub fn of_nodes(nodes: &[(NodeId, &str)]) -> Self {
        let home = |shard: u64| {
            let mut heaviest = None;
            let mut next = None;
            for of_node in nodes.iter().map(|(id, name)| (weight(shard, name), *id)) {
                if Some(of_node) > heaviest {
                    next = heaviest.replace(of_node);
                } else if Some(of_node) > next {
                    next = Some(of_node);
                }
            }
            heaviest.map(|(_, home)| (home, next.map(|(_, next)| next)))
        };
        Self((0..SHARDS).filter_map(home).collect())
    }

    /// The home of a chat or a job.
    pub fn of(&self, key: u64) -> Option<NodeId> {
        self.at(key).map(|(home, _)| home)
    }

    /// The node that is at home for it when its home goes away.
    pub fn next_of(&self, key: u64) -> Option<NodeId> {
        self.at(key)?.1
    }

    fn at(&self, key: u64) -> Option<(NodeId, Option<NodeId>)> {
        // Keys may be close together, or differ in their upper half only.
        let mixed = (key ^ (key >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0.get((mixed >> 54) as usize).copied()
    }
}

fn weight(shard: u64, name: &str) -> u64 {
    let mut hash = blake3::Hasher::new();
    hash.update(&shard.to_be_bytes()).update(name.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize().as_bytes()[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn homes(nodes: &[u64]) -> Homes {
        let names: Vec<(NodeId, String)> = nodes.iter().map(|node| (NodeId(*node), format!("node-{node}"))).collect();
        Homes::of_nodes(&names.iter().map(|(id, name)| (*id, name.as_str())).collect::<Vec<_>>())
    }

    #[test]
    fn a_node_that_comes_or_goes_moves_its_own_share_only() {
        let (four, five) = (homes(&[1, 2, 3, 4]), homes(&[1, 2, 3, 4, 5]));
        let mut moved = 0;
        for key in 0..100_000u64 {
            let (before, after) = (four.of(key), five.of(key));
            if before != after {
                assert_eq!(after, Some(NodeId(5)), "what moves goes to the new one");
                moved += 1;
            }
        }
        assert!((14_000..27_000).contains(&moved), "about a fifth: {moved}");
    }

    #[test]
    fn the_next_one_is_at_home_when_the_home_goes_away() {
        let (all, alone) = (homes(&[1, 2, 3, 4]), homes(&[1]));
        for key in 0..1_000u64 {
            let home = all.of(key).unwrap();
            let left: Vec<u64> = [1, 2, 3, 4].into_iter().filter(|node| NodeId(*node) != home).collect();
            assert_eq!(homes(&left).of(key), all.next_of(key));
        }
        assert_eq!((alone.of(1), alone.next_of(1)), (Some(NodeId(1)), None));
    }

    #[test]
    fn the_shares_are_about_the_same_whatever_the_keys_look_like() {
        let homes = homes(&[1, 2, 3]);
        for keys in [(0..30_000u64).collect::<Vec<_>>(), (0..30_000).map(|high| high << 32 | 7).collect()] {
            for node in 1..=3 {
                let share = keys.iter().filter(|key| homes.of(**key) == Some(NodeId(node))).count();
                assert!((7_500..12_500).contains(&share), "{share}");
            }
        }
    }
}
