"""What the dashboard shows of the services: whether they are up, what they use, how quick they are."""

from panel import B, Panel, S, both, call, quantile, rate

DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs"'

NOW: tuple[Panel, ...] = (
    Panel(
        "Backends up", "none", (('sum(up{job="vtp-backend"})', ""),), kind="stat", width=3, limit=1, bad_below=True
    ),
    Panel("SFUs up", "none", (('sum(up{job="vtp-sfu"})', ""),), kind="stat", width=3, limit=1, bad_below=True),
    Panel(
        "Media workers up",
        "none",
        ((f"sum(vtp_sfu_workers_ready{{{S}}})", ""),),
        kind="stat",
        width=3,
        limit=1,
        bad_below=True,
    ),
    Panel("Rooms", "none", ((f"sum(vtp_sfu_rooms{{{S}}})", ""),), kind="stat", width=3),
    Panel("Peers", "none", ((f"sum(vtp_sfu_peers{{{S}}})", ""),), kind="stat", width=3),
    Panel(
        "Alerts", "none", (('count(ALERTS{alertstate="firing"}) or vector(0)', ""),), kind="stat", width=3, limit=1
    ),
    Panel(
        "Last backup",
        "s",
        (("time() - max(vtp_backup_last_success_timestamp_seconds)", ""),),
        kind="stat",
        width=3,
        limit=26 * 3600,
    ),
    Panel(
        "Versions",
        "none",
        (("count by (version) (vtp_backend_build_info or vtp_sfu_build_info)", "{{version}}"),),
        kind="stat",
        width=3,
    ),
)

RESOURCES: tuple[Panel, ...] = (
    Panel(
        "Memory of the SFU",
        "bytes",
        (
            (f"vtp_sfu_memory_bytes{{{S}}}", "{{process}}"),
            (f"instance:vtp_sfu_memory_bytes:sum{{{S}}}", "all of {{instance}}"),
        ),
        "PSS. At rest less than 200 MB with two workers; each consumer takes 144 kB more.",
        200e6,
    ),
    Panel(
        "Memory of the backend",
        "bytes",
        ((f"vtp_backend_memory_bytes{{{B}}}", "{{instance}}"),),
        "At rest less than 100 MB; each open socket takes some more.",
        100e6,
    ),
    Panel(
        "Memory over time: what stays",
        "bytes",
        (
            (f"min_over_time(instance:vtp_sfu_memory_bytes:sum{{{S}}}[10m])", "SFU {{instance}}"),
            (f"min_over_time(vtp_backend_memory_bytes{{{B}}}[10m])", "backend {{instance}}"),
        ),
        "The least of ten minutes. After a class it comes back to where it was: a staircase over days is a leak.",
    ),
    Panel(
        "CPU of SFU and backend",
        "percentunit",
        (
            (f"instance:vtp_sfu_cpu_cores:rate5m{{{S}}}", "SFU {{instance}}"),
            (f"instance:vtp_backend_cpu_cores:rate5m{{{B}}}", "backend {{instance}}"),
        ),
        "1 is one core. At rest less than a fifth; media takes more.",
        0.2,
    ),
    Panel(
        "CPU of each media worker",
        "percentunit",
        ((f"rate(vtp_sfu_worker_cpu_seconds_total{{{S}}}[$__rate_interval])", "worker {{worker}} {{instance}}"),),
        "A worker has one core. Above 85 % no more rooms are placed there.",
        0.85,
    ),
    Panel(
        "Network traffic",
        "Bps",
        (
            (rate("vtp_sfu_bytes_received_total", S), "media in"),
            (rate("vtp_sfu_bytes_sent_total", S), "media out"),
        ),
        "All that passes the workers' ports. A class of a few people stays below 1 MB/s.",
        1e6,
    ),
    Panel(
        "Packets",
        "pps",
        ((rate("vtp_sfu_packets_received_total", S), "in"), (rate("vtp_sfu_packets_sent_total", S), "out")),
    ),
    Panel(
        "Event loop delay",
        "s",
        (
            (quantile(0.99, "vtp_sfu_loop_delay_seconds", S, "process"), "SFU {{process}}"),
            (quantile(0.99, "vtp_backend_loop_delay_seconds", B), "backend"),
        ),
        "p99. What packets and requests wait for their turn.",
        0.05,
    ),
    Panel(
        "Open files",
        "none",
        (('process_open_fds{job="vtp-sfu"}', "SFU control"), ('process_open_fds{job="vtp-backend"}', "backend")),
    ),
    Panel(
        "Disk left",
        "percentunit",
        (
            (
                f"node_filesystem_avail_bytes{{{DISKS}}} / node_filesystem_size_bytes{{{DISKS}}}",
                "{{mountpoint}}",
            ),
        ),
        "PostgreSQL stops on a full disk.",
        0.1,
        bad_below=True,
    ),
    Panel(
        "CPU of the machine",
        "percentunit",
        (('1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))', "{{instance}}"),),
    ),
    Panel("Memory of the machine left", "bytes", (("node_memory_MemAvailable_bytes", "{{instance}}"),)),
)

RESPONSE_TIMES: tuple[Panel, ...] = (
    Panel(
        "Health",
        "s",
        (
            *both("vtp_backend_http_request_seconds", f'{B},route="/health"', "backend "),
            *both("vtp_sfu_http_request_seconds", f'{S},route="/health"', "SFU "),
        ),
        "Less than 5 ms.",
        0.005,
    ),
    Panel(
        "Room join",
        "s",
        (
            *both("vtp_backend_signalling_request_seconds", f'{B},method="join-room"', "signalling "),
            *both("vtp_sfu_http_request_seconds", f'{S},method="POST",route="/rooms/{{roomId}}/peers"', "SFU "),
        ),
        "Less than 200 ms.",
        0.2,
    ),
    Panel("Transport creation", "s", call("/rooms/{roomId}/transports"), "Less than 200 ms.", 0.2),
    Panel("Producer creation", "s", call("/rooms/{roomId}/producers"), "Less than 200 ms.", 0.2),
    Panel("Consumer creation", "s", call("/rooms/{roomId}/consumers"), "Less than 200 ms.", 0.2),
    Panel(
        "Room list",
        "s",
        (
            *both("vtp_backend_http_request_seconds", f'{B},method="GET",route="/api/v1/rooms"', "backend "),
            *both("vtp_sfu_http_request_seconds", f'{S},method="GET",route="/rooms"', "SFU "),
        ),
        "Less than 100 ms.",
        0.1,
    ),
    Panel(
        "Requests",
        "reqps",
        (
            (rate("vtp_backend_http_requests_total", B), "HTTP"),
            (rate("vtp_backend_signalling_request_seconds_count", B), "signalling"),
            (rate("vtp_sfu_http_request_seconds_count", S), "SFU"),
        ),
    ),
    Panel(
        "Time of calls to the SFU, p99",
        "s",
        ((quantile(0.99, "vtp_backend_sfu_call_seconds", B, "operation"), "{{operation}}"),),
        "As the backend sees it, retries included.",
        0.2,
    ),
    Panel(
        "Failures",
        "percentunit",
        (
            (f"instance:vtp_backend_http_errors:ratio5m{{{B}}}", "HTTP"),
            (f"instance:vtp_backend_signalling_errors:ratio5m{{{B}}}", "signalling"),
            (f"instance:vtp_sfu_http_errors:ratio5m{{{S}}}", "SFU"),
        ),
        "Answers of 500 and above, of all.",
        0.05,
    ),
    Panel(
        "Errors by code",
        "reqps",
        (
            (rate("vtp_backend_errors_total", B, "code"), "{{code}}"),
            (rate("vtp_sfu_errors_total", S, "code"), "SFU {{code}}"),
        ),
        "Refusals are here, too: a wrong password is an error of who typed it.",
        width=16,
    ),
)

DATABASE: tuple[Panel, ...] = (
    Panel(
        "Database answers", "none", ((f"vtp_backend_database_up{{{B}}}", "{{instance}}"),), limit=1, bad_below=True
    ),
    Panel(
        "Connections",
        "none",
        (
            (f"vtp_backend_database_pool_size{{{B}}}", "held"),
            (f"vtp_backend_database_pool_available{{{B}}}", "idle"),
            (f"vtp_backend_database_pool_max_size{{{B}}}", "at most"),
            (f"vtp_backend_database_requests_waiting{{{B}}}", "waiting for one"),
        ),
    ),
    Panel(
        "Waiting for a connection",
        "s",
        (
            (
                rate("vtp_backend_database_wait_seconds_total", B)
                + " / "
                + rate("vtp_backend_database_requests_total", B),
                "on average",
            ),
        ),
    ),
)

LOGS: tuple[Panel, ...] = (
    Panel(
        "Lines by level",
        "ops",
        (
            (rate("vtp_backend_log_messages_total", B, "level"), "backend {{level}}"),
            (rate("vtp_sfu_log_messages_total", S, "level"), "SFU {{level}}"),
        ),
        width=12,
    ),
    Panel(
        "Errors in the logs, in five minutes",
        "none",
        (("job_instance:vtp_error_lines:increase5m", "{{job}} {{instance}}"),),
        "None in normal operation.",
        1,
        width=12,
    ),
    Panel(
        "Errors and warnings",
        "",
        (('{service=~"sfu|backend",level=~"warning|error|critical"}', ""),),
        kind="logs",
        width=24,
    ),
    Panel(
        "Connections, rooms, seats",
        "",
        (('{service=~"sfu|backend",level="info"} |~ "room|peer|participant|client|seat|transport state"', ""),),
        kind="logs",
        width=24,
    ),
)
