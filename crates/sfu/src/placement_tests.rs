use super::*;
use crate::command::Grants;

const LIMITS: Limits = Limits { max_peers: 10_000, max_busy_percent: 85 };

fn add(call: u128, peer: u128) -> Command {
    let grants = Grants { speak: true, hear: true, hear_own: false };
    Command::AddPeer { call: CallId(call), peer: PeerId(peer), grants, max_speakers: 8 }
}

fn remove(peer: u128) -> Command {
    Command::RemovePeer { peer: PeerId(peer) }
}

fn placement(workers: usize) -> Placement {
    Placement::new(workers, LIMITS)
}

fn busy(busy_permille: u32) -> Load {
    Load { busy_permille, ..Load::default() }
}

/// The workers that get a command.
fn workers(orders: Vec<(usize, Order)>) -> Vec<usize> {
    let command = |(worker, order)| matches!(order, Order::Command(_)).then_some(worker);
    orders.into_iter().filter_map(command).collect()
}

/// What workers hear of each other: who, of whom, and whether it announces.
fn hosts(orders: Vec<(usize, Order)>) -> Vec<(usize, Vec<usize>, bool)> {
    let hosts = |(worker, order)| match order {
        Order::Hosts(hosts) => Some((worker, hosts.others.iter().collect(), hosts.announces)),
        Order::Command(_) => None,
    };
    orders.into_iter().filter_map(hosts).collect()
}

fn peers(placement: &Placement) -> Vec<usize> {
    placement.workers.iter().map(|worker| worker.peers).collect()
}

/// Every worker's number is within 10 % of the mean.
fn assert_even(numbers: &[usize]) {
    let mean = numbers.iter().sum::<usize>() as f64 / numbers.len() as f64;
    assert!(numbers.iter().all(|number| (*number as f64 - mean).abs() <= mean / 10.0), "{numbers:?}");
}

#[test]
fn a_small_call_stays_together_and_calls_spread() {
    let mut placement = placement(2);
    assert_eq!(workers(placement.route(add(1, 1))), [0]);
    assert_eq!(workers(placement.route(add(1, 2))), [0]);
    assert_eq!(workers(placement.route(add(2, 3))), [1]);
    assert_eq!(workers(placement.route(add(3, 4))), [1]);
    let grants = Grants { speak: false, hear: true, hear_own: false };
    assert_eq!(workers(placement.route(Command::SetGrants { peer: PeerId(4), grants })), [1]);
}

#[test]
fn moving_to_a_call_elsewhere_leaves_the_old_worker_first() {
    let mut placement = placement(2);
    placement.route(add(1, 1));
    placement.route(add(1, 2));
    placement.route(add(2, 3));
    assert_eq!(workers(placement.route(add(2, 1))), [0, 1]);
    assert_eq!(workers(placement.route(add(2, 1))), [1], "the same call again is no move");
}

#[test]
fn moving_keeps_the_worker_where_it_can() {
    let mut placement = placement(2);
    for peer in 0..3 {
        placement.route(add(1, peer));
    }
    assert_eq!(workers(placement.route(add(2, 0))), [0], "a new call comes to its first peer");
    assert_eq!(workers(placement.route(add(2, 1))), [0], "a call on the same worker");
    for peer in 100..164 {
        placement.route(add(3, peer));
    }
    assert_eq!(placement.peers[&PeerId(100)].1, 1);
    assert_eq!(workers(placement.route(add(3, 2))), [0], "a large call comes to its peers");
}

#[test]
fn the_only_peer_of_a_call_stays_where_it_is() {
    let mut placement = placement(2);
    placement.route(add(1, 1));
    placement.route(add(2, 2));
    placement.route(remove(1));
    assert_eq!(workers(placement.route(add(2, 2))), [1], "though the first worker has nothing to do");
    assert_eq!(peers(&placement), [0, 1]);
}

#[test]
fn an_empty_call_is_forgotten() {
    let mut placement = placement(2);
    placement.route(add(1, 1));
    assert_eq!(workers(placement.route(remove(1))), [0]);
    assert!(workers(placement.route(remove(1))).is_empty());
    assert!(placement.calls.is_empty() && placement.peers.is_empty());
    assert_eq!(peers(&placement), [0, 0]);
}

#[test]
fn workers_of_a_call_hear_of_each_other_and_one_of_them_announces() {
    let mut placement = placement(3);
    for peer in 0..63 {
        assert!(hosts(placement.route(add(1, peer))).is_empty(), "it is alone");
    }
    assert!(hosts(placement.route(add(1, 63))).is_empty(), "the 64th is the last of a small call");
    let told = hosts(placement.route(add(1, 64)));
    assert_eq!(told, [(0, vec![1], true), (1, vec![0], false)]);
    let told = hosts(placement.route(add(1, 65)));
    assert_eq!(told, [(0, vec![1, 2], true), (1, vec![0, 2], false), (2, vec![0, 1], false)]);
    assert!(hosts(placement.route(add(1, 66))).is_empty(), "nothing new");

    for peer in 0..63 {
        assert!(hosts(placement.route(remove(peer))).is_empty());
    }
    let told = hosts(placement.route(remove(63)));
    assert_eq!(told, [(1, vec![2], true), (2, vec![1], false)], "another one announces");
    placement.route(remove(66));
    let told = hosts(placement.route(remove(65)));
    assert_eq!(told, [(1, vec![], true)]);
}

#[test]
fn what_concerns_a_call_goes_wherever_it_lives() {
    let mut placement = placement(2);
    for peer in 0..65 {
        placement.route(add(1, peer));
    }
    placement.route(add(2, 100));
    let set = |call| Command::SetCall { call: CallId(call), max_speakers: 1 };
    assert_eq!(workers(placement.route(set(1))), [0, 1]);
    assert_eq!(workers(placement.route(set(2))), [1]);
    assert!(workers(placement.route(set(3))).is_empty());
}

#[test]
fn a_call_of_10_000_uses_all_of_16_workers_evenly() {
    let mut placement = placement(16);
    // Three speak to whoever is there; what a worker says of itself is older than a hundred joins.
    for peer in 0..10_000 {
        if peer % 100 == 0 {
            for worker in 0..16 {
                let peers = u32::try_from(placement.workers[worker].peers).expect("few");
                let packets_out = peers * 150;
                // Some cores are slower, and every worker takes in what the speakers of the others say.
                let per_packet = 2 + u32::try_from(worker).expect("few") % 3 / 2;
                let busy_permille = (20 + packets_out * per_packet / 1000).min(1000);
                let load = Load { busy_permille: busy_permille / 2, packets_out, late_ticks: 0 };
                placement.observe(worker, load);
            }
        }
        assert_eq!(placement.admit(CallId(1)), Ok(()));
        placement.route(add(1, peer));
    }
    assert_even(&peers(&placement));
    for peer in (0..10_000).filter(|peer| peer % 3 != 0) {
        placement.route(remove(peer));
    }
    for peer in 20_000..26_667 {
        placement.route(add(1, peer));
    }
    assert_even(&peers(&placement));
}

#[test]
fn five_hundred_small_calls_balance_and_none_spreads() {
    // Call by call, of sizes from 2 to 12.
    let mut one = placement(16);
    let mut peer = 0;
    for call in 0..500 {
        for _ in 0..2 + call * 7 % 11 {
            one.route(add(call, peer));
            peer += 1;
        }
    }
    assert_even(&peers(&one));
    // Everybody's first peers, then their second ones.
    let mut other = placement(16);
    for peer in 0..1000 {
        other.route(add(peer % 500, peer));
    }
    assert_even(&peers(&other));
    assert!(one.calls.values().chain(other.calls.values()).all(|home| home.hosts.len() == 1));
}

#[test]
fn whoever_measures_more_work_gets_fewer() {
    let mut placement = placement(2);
    placement.observe(0, Load { busy_permille: 400, packets_out: 100_000, late_ticks: 0 });
    for call in 0..100 {
        placement.route(add(call, call));
    }
    assert_eq!(peers(&placement), [0, 100], "a busy core is left alone");
}

#[test]
fn a_worker_near_its_limit_gets_nobody_new() {
    let mut placement = placement(2);
    placement.route(add(1, 1));
    placement.observe(0, busy(850));
    assert_eq!(workers(placement.route(add(1, 2))), [1], "not even of its own call");
    assert_eq!(workers(placement.route(add(1, 3))), [1], "which stays on as few as possible");
    placement.observe(0, busy(849));
    assert_eq!(workers(placement.route(add(1, 4))), [0]);
    placement.observe(0, Load { busy_permille: 425, packets_out: 0, late_ticks: LATE_TICKS });
    assert_eq!(workers(placement.route(add(1, 5))), [1], "late and half busy");
    placement.observe(0, Load { busy_permille: 424, packets_out: 0, late_ticks: 1000 });
    assert_eq!(workers(placement.route(add(1, 6))), [0], "late for other reasons than its own work");
}

#[test]
fn when_all_are_at_their_limit_nobody_is_admitted_and_running_calls_go_on() {
    let mut placement = Placement::new(2, Limits { max_peers: 2, max_busy_percent: 85 });
    placement.route(add(1, 1));
    placement.observe(0, busy(900));
    placement.observe(1, busy(1000));
    assert_eq!(placement.admit(CallId(1)), Err(AdmitError::Busy));
    assert_eq!(placement.admit(CallId(2)), Err(AdmitError::Busy));
    let grants = Grants { speak: false, hear: true, hear_own: false };
    assert_eq!(workers(placement.route(Command::SetGrants { peer: PeerId(1), grants })), [0]);
    placement.observe(0, busy(0));
    assert_eq!(placement.admit(CallId(2)), Ok(()));
    placement.observe(1, busy(0));
    for peer in 2..5 {
        placement.route(add(1, peer));
    }
    assert_eq!(peers(&placement), [2, 2]);
    assert_eq!(placement.admit(CallId(1)), Err(AdmitError::Full));
    assert_eq!(workers(placement.route(add(2, 9))).len(), 1, "the worker refuses whoever was added all the same");
}

#[test]
fn a_hundred_percent_is_no_limit() {
    let mut placement = Placement::new(1, Limits { max_busy_percent: 100, ..LIMITS });
    placement.observe(0, Load { busy_permille: 1000, packets_out: 0, late_ticks: 1000 });
    assert_eq!(placement.admit(CallId(1)), Ok(()));
}
