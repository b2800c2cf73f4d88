"""What the dashboard shows of the classes: who is there, and how well sound and picture get through."""

from panel import B, Panel, S, rate

CLASSES: tuple[Panel, ...] = (
    Panel(
        "Rooms and peers",
        "none",
        (
            (f"sum(vtp_sfu_rooms{{{S}}})", "rooms"),
            (f"sum(vtp_sfu_peers{{{S}}})", "peers"),
            (f"sum(vtp_backend_participants{{{B}}})", "seats"),
            (f"sum(vtp_backend_seats_waiting{{{B}}})", "seats whose sockets are gone"),
        ),
    ),
    Panel(
        "Transports, producers, consumers",
        "none",
        (
            (f"sum(vtp_sfu_transports{{{S}}})", "transports"),
            (f"sum by (kind) (vtp_sfu_producers{{{S}}})", "{{kind}} producers"),
            (f"sum by (kind) (vtp_sfu_consumers{{{S}}})", "{{kind}} consumers"),
        ),
    ),
    Panel("Open WebSockets", "none", ((f"vtp_backend_sockets{{{B}}}", "{{instance}}"),)),
    Panel(
        "Connections and disconnections",
        "ops",
        (
            (rate("vtp_backend_socket_opens_total", B), "connected"),
            (rate("vtp_backend_socket_closes_total", B, "cause"), "ended: {{cause}}"),
        ),
    ),
    Panel(
        "Joins and leaves",
        "ops",
        (
            (rate("vtp_sfu_peers_joined_total", S), "joined"),
            (rate("vtp_sfu_peers_closed_total", S, "reason"), "gone: {{reason}}"),
        ),
    ),
    Panel(
        "Transports that ended",
        "ops",
        ((rate("vtp_sfu_transports_closed_total", S, "outcome"), "{{outcome}}"),),
        "unreached: the client's checks never came here. unsecured: no DTLS.",
    ),
    Panel(
        "States of ICE and DTLS",
        "ops",
        (
            (
                rate(
                    "vtp_sfu_transport_states_total",
                    f'{S},state=~"failed|disconnected|connected"',
                    "protocol, state",
                ),
                "{{protocol}} {{state}}",
            ),
        ),
    ),
    Panel("Rooms that closed", "ops", ((rate("vtp_sfu_rooms_closed_total", S, "reason"), "{{reason}}"),)),
    Panel(
        "SFUs as the backend sees them",
        "none",
        ((f"vtp_backend_sfu_up{{{B}}}", "up: {{sfu}}"), (f"vtp_backend_sfu_draining{{{B}}}", "draining: {{sfu}}")),
    ),
)

MEDIA: tuple[Panel, ...] = (
    Panel(
        "Packet loss",
        "percentunit",
        ((f"instance_direction:vtp_sfu_packet_loss:ratio5m{{{S}}}", "{{direction}} {{instance}}"),),
        "Before repairs. in: from publishers; out: to subscribers.",
        0.05,
    ),
    Panel(
        "Round trip",
        "s",
        ((f"max by (direction, quantile) (vtp_sfu_round_trip_seconds{{{S}}})", "{{direction}} {{quantile}}"),),
        "Over all streams that know theirs.",
    ),
    Panel(
        "Jitter",
        "s",
        ((f"max by (quantile) (vtp_sfu_jitter_seconds{{{S}}})", "{{quantile}}"),),
        "Of what publishers send.",
    ),
    Panel(
        "Bitrate",
        "bps",
        (
            (f"sum by (direction) (vtp_sfu_bitrate_bps{{{S}}})", "{{direction}}"),
            (f"sum by (direction) (vtp_sfu_available_bitrate_bps{{{S}}})", "{{direction}}, could carry"),
        ),
    ),
    Panel(
        "Layers of video that subscribers get",
        "none",
        ((f"sum by (layer) (vtp_sfu_video_consumers{{{S}}})", "{{layer}}"),),
        "none: a still picture, though nobody has paused it.",
    ),
    Panel(
        "Streams by score",
        "none",
        ((f"sum by (direction, score) (vtp_sfu_streams{{{S}}})", "{{direction}} {{score}}"),),
        "10 is perfect; 0 brings nothing at all.",
    ),
    Panel(
        "Key frames asked for",
        "ops",
        ((rate("vtp_sfu_key_frame_requests_total", S, "direction, kind"), "{{direction}} {{kind}}"),),
        "A picture is frozen until its key frame comes: many of them are many freezes.",
    ),
    Panel(
        "Lost, asked for, sent again",
        "pps",
        (
            (rate("vtp_sfu_packets_lost_total", S, "direction"), "lost {{direction}}"),
            (rate("vtp_sfu_nacked_packets_total", S, "direction"), "asked for {{direction}}"),
            (rate("vtp_sfu_packets_retransmitted_total", S, "direction"), "sent again {{direction}}"),
            (rate("vtp_sfu_packets_repaired_total", S, "direction"), "repaired {{direction}}"),
        ),
    ),
    Panel(
        "Dropped packets",
        "pps",
        (
            (rate("vtp_sfu_packets_dropped_total", S, "reason"), "{{reason}}"),
            (rate("vtp_sfu_packets_discarded_total", S), "discarded"),
        ),
    ),
)
