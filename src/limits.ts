/** Every bound, in one place, each with its reason. Units are in the names. */

// --- the turn (queue/, executor.ts) ---------------------------------------------------------------------------
/** BullMQ's job lock. Short, because a dead worker's shard waits for it: 5 s + a stalled check of 1 s stays under 10 s. */
export const LOCK_MS = 5_000;
/**
 * Under a tenth of the lock, so that a worker that stands still for nine tenths of it keeps its shard. A renewal costs the daemon 50 µs and Redis
 * 25: with 64 handlers at work 0.8 % and 0.4 % of a core; turns end after QUANTUM_MS and mostly need none.
 */
export const LOCK_RENEW_MS = 400;
export const STALLED_CHECK_MS = 1_000;
/** BullMQ fails a job for good after this many stalls. Crashes are counted in the shard's own state instead. */
export const STALLED_COUNT_MAX = 1_000_000_000;
/** A turn yields to waiting shards after this long. */
export const QUANTUM_MS = 200;
/** A turn that no shard waits for in this daemon goes on until then: giving it back and taking it anew costs records some 20 ms, and other daemons are to have a share. */
export const QUANTUM_ALONE_MS = 1_000;
/** Records that follow each other within this are waited for in the same turn, and looked for this often. */
export const LINGER_MS = 25;
export const LINGER_LOOK_MS = 2;
/** Turns of one mapping that run at once in one daemon. */
export const TURNS_PER_MAPPING = 8;
/** A lease is treated as lost this long before the lock ends: covers timer and transport delay. */
export const LEASE_MARGIN_MS = 500;

/** After a refusal of the server (memory full, read-only) turns are asked for again after this. */
export const SERVER_REFUSES_PAUSE_MS = 1_000;
/** How long an outgoing request of a handler waits for Redis to say that the lease still holds; then it is refused. */
export const LEASE_CONFIRM_MS = 1_000;
/** How often a request asks for it: once more on a new connection, when the one there was closed or the process stood still behind the answer. */
export const LEASE_ASKED_MAX = 2;
/** A turn that Redis' absence or the like interrupted is tried again after this. */
export const INFRASTRUCTURE_PAUSE_MS = 500;
/** A shard whose failure notice was refused looks again after this: long enough not to run the function for nothing too often. */
export const REFUSED_PAUSE_MS = 5_000;

// --- batches (shard/, event/) ---------------------------------------------------------------------------------
/** Lambda's synchronous payload limit, on the encoded event and on the result (esm-semantics.md §1.4, §3). */
export const EVENT_BYTES_MAX = 6 * 1024 * 1024;
export const RESULT_BYTES_MAX = 6_291_556;
/** Records read ahead of the running unit: enough that small batches share one read, small enough to throw away. */
export const READ_AHEAD_RECORDS = 1_000;
/**
 * The first read of a turn is a batch, or so many of small ones; each one after it has twice as many. What a turn has no time for is read
 * again by the next, and a turn with batches of one has time for about a hundred records: with reads of a thousand each cost a sixth more CPU.
 */
export const READ_FIRST_RECORDS = 16;
export const READ_AHEAD_BYTES = 8 * 1024 * 1024;

/** Records of a shard that one batch may reach over when a filter passes most of them: as many are read again for each retry. */
export const FILTER_SPAN_RECORDS_MAX = 50_000;
/** While a batching window is open, a shard whose batch may be full is looked at this often; what is there was filtered before. */
export const FILTER_LOOK_AGAIN_MS = 1_000;
/** Lists within lists, and objects in them, that a filter goes down into; JSON may have a million levels. */
export const FILTER_LISTS_DEPTH_MAX = 100;
/** Levels of typed attributes in a DynamoDB-style record; DynamoDB itself has 32. */
export const ATTRIBUTE_DEPTH_MAX = 64;

/** Moments kept per shard for records whose ids are no times; beyond it every second one goes (records look younger, never older). */
export const ARRIVAL_MARKS_MAX = 100;

// --- the sandbox (sandbox/) -----------------------------------------------------------------------------------
/** Loading a function's module has its own time, as Lambda's init phase has; what takes longer is done in the invocation's `timeout`. */
export const INIT_MS_MAX = 10_000;
/** Starting a child process, before it has seen any user code. Generous: children run at nice 19 on busy machines. */
export const SPAWN_MS_MAX = 15_000;
/** How long an invocation waits for a child when all are taken; then it is the infrastructure's failure and spends nothing. */
export const CHILD_WAIT_MS_MAX = 30_000;
/** Beyond one per core, a version gets another child for an invocation that has waited so long: quick handlers never do. */
export const CHILD_GROW_AFTER_MS = 25;
/** The same while one of its children is still loading, which often ends the wait. */
export const CHILD_GROW_STARTING_MS = 1_000;
/** Children per daemon, and of these for one function, so that one function's slow handlers leave room for the others. */
export const CHILDREN_MAX = 64;
export const CHILDREN_PER_FUNCTION_SHARE = 0.5;
/** Share of the machine's (or the cgroup's) memory that children may be promised: memorySize and this base for each. */
export const CHILDREN_MEMORY_SHARE = 0.75;
export const CHILD_BASE_MB = 64;
/** A child's RSS may exceed memorySize by this: Node itself (about 50 MB), copies of a 6 MB event and result, garbage not yet swept. */
export const CHILD_OVERHEAD_MB = 128;
/** What a child may hold open: Node has about twenty descriptors of its own. */
export const CHILD_DESCRIPTORS_MAX = 64;
/** Threads and processes of one child: Node, V8 and isolated-vm have about a dozen; a fork bomb ends here. */
export const CHILD_THREADS_MAX = 48;
/** User ids for the children of a daemon that is root: those that systemd keeps for services without an account of their own. */
export const CHILD_UID_FIRST = 61_184;
export const CHILD_UIDS = 4_336;
/** For one trial of what the system allows; a few milliseconds are usual. */
export const HARDENING_PROBE_MS = 5_000;
/** Of memorySize and base: a child that somebody kills above this is taken for the system's choice when memory ran out. */
export const MEMORY_NEARLY_USED = 0.9;
/** Nice level of children above the daemon's: it and Redis come first, and yet a quick handler is not starved by what else the machine does. */
export const CHILD_NICE = 1;
/**
 * And of one that has used so much CPU in one job. Quick handlers use some milliseconds; an honest long one keeps two fifths of a neighbour's share; what
 * spins has a twelfth. Lower still, and on a full machine it takes seconds even to die.
 */
export const CHILD_BUSY_STEPS = [
  { cpuMs: 100, nice: 5 },
  { cpuMs: 1_000, nice: 12 },
] as const;
/** Not counted while it starts and loads: our own scripts and 5 MB of code are compiled and run within it. */
export const CHILD_LOADING_CPU_MS = 1_000;
/** How often a running child's RSS and CPU time are read: a handler fills about 3 GB/s, so that it overshoots its cap by 150 MB at most. */
export const MEMORY_WATCH_MS = 50;
/** The same for a child that holds more than this share of its cap. A look costs about 8 µs. */
export const MEMORY_WATCH_NEAR_MS = 10;
export const MEMORY_NEAR_SHARE = 0.6;
/** The same for processes that wait for a function: they run nothing. */
export const SPARE_WATCH_MS = 1_000;
/** Starting a process holds the daemon up for 4 ms: after the invocation that took the last one has gone out. */
export const SPARE_START_AFTER_MS = 10;
export const CHILD_IDLE_MS = 5 * 60 * 1000;
/** The same once another version of the function was invoked: long enough for the attempts that had begun with the old one. */
export const CHILD_SUPERSEDED_IDLE_MS = 5_000;
/** Children that a version may lose at once before its starts are spaced: a start costs about 0.1 s of a core. */
export const CHILD_LOSSES_AT_ONCE = 5;
/** From then on one start in this time, so at most about a tenth of a core; doubled by each that comes to nothing, up to the second. */
export const CHILD_START_EVERY_FIRST_MS = 1_000;
export const CHILD_START_EVERY_MAX_MS = 8_000;
/** Shards that wait for a start are spread over as many starts as there are shards, but not further than this. */
export const CHILD_START_SPREAD_MAX_MS = 10_000;
/** One line of a handler; what one invocation may write. More is counted and reported, not kept. */
export const LOG_LINE_BYTES_MAX = 8 * 1024;
export const LOG_LINES_MAX = 1_000;
/** Frames of stacks within one line that are looked up in the source map, in the daemon: a few stacks of V8's ten, not a flood. */
export const LOG_LINE_FRAMES_MAX = 64;
export const LOG_BYTES_MAX = 1024 * 1024;
/** Requests of one invocation on their way at a time; further ones wait in the isolate. */
export const FETCHES_IN_FLIGHT_MAX = 32;
export const FETCH_BODY_BYTES_MAX = 6 * 1024 * 1024;
/** Input and output of one run of zlib for a handler, each: it is text twice on its way, so that 32 MB take about 150 MB for a moment. */
export const ZLIB_BYTES_MAX = 32 * 1024 * 1024;
/** Files below /tmp, all together, as Lambda had it in 2016. They are memory of the isolate, whose own limit comes first. */
export const SCRATCH_BYTES_MAX = 500 * 1024 * 1024;
/** Head of a request or response as JSON: URL and headers; at three bytes a character, 64 k characters. */
export const FETCH_HEAD_BYTES_MAX = 192 * 1024;
/** Bodies of requests on their way, of one invocation: two full ones. The daemon holds them until they are answered; further requests wait. */
export const FETCH_BYTES_IN_FLIGHT_MAX = 2 * FETCH_BODY_BYTES_MAX;
/** What one invocation may send in all: EGRESS_REQUESTS_MAX requests of 100 KB. */
export const FETCH_BYTES_MAX = 1024 ** 3;
/** Reads of a child's pipe that a job may cost beyond those of its frames: above it the child sends crumbs to keep this process busy. */
export const WIRE_READS_FREE = 1_000;
/** A read brings at least so many bytes on average where a frame does not fit into one. */
export const WIRE_READ_BYTES_MIN = 1_024;
/** Frames of one job: every log line and request it may have, twice, and what belongs to the job itself. */
export const WIRE_FRAMES_MAX = 2 * (1_000 + 2 * 10_000) + 100;
/** What one job may send in all: requests, log and result. */
export const WIRE_BYTES_MAX = FETCH_BYTES_MAX + 64 * 1024 * 1024;
/** Above this on standard error a child is not dying but flooding. */
export const CHILD_STDERR_FLOOD_BYTES = 1024 * 1024;
/** A child that closed its pipe has so long to end; one that ended has so long until what it left open is given up. */
export const CHILD_LAST_WORDS_MS = 1_000;
/** What a dying child may say on standard error; read only to tell why it died. */
export const CHILD_STDERR_BYTES_MAX = 16 * 1024;
/** Making code caches: seconds for the largest bundle on a busy machine, and some hundred megabytes. Cold starts do without where it takes more. */
export const COMPILE_MS_MAX = 60_000;
export const COMPILE_MEMORY_BYTES_MAX = 1024 * 1024 * 1024;
/** Code caches that a compiling child hands back: about as large as their scripts. */
export const CODE_CACHE_BYTES_MAX = 64 * 1024 * 1024;
/** Bundles and their code caches that stay in the daemon's memory; the one used last stays whatever its size. */
export const BUNDLES_KEPT_BYTES_MAX = 32 * 1024 * 1024;
/** Source map of a bundle: larger ones are not read for an error's stack, because one pass takes the daemon 7 ms of CPU per MB. */
export const SOURCE_MAP_BYTES_MAX = 16 * 1024 * 1024;
/** Its list of files. */
export const SOURCE_MAP_HEAD_BYTES_MAX = 1024 * 1024;
/** Frames in the log of one invocation that are shown as the user's; the next ones name the bundle. Each takes about 50 µs. */
export const LOG_FRAMES_MAPPED_MAX = 200;

// --- retry and expiry (unit/) ---------------------------------------------------------------------------------
export const BACKOFF_FIRST_MS = 200;
export const BACKOFF_MAX_MS = 60_000;
export const BACKOFF_JITTER = 0.1;
export const DEFAULT_RECORD_AGE_MS = 24 * 60 * 60 * 1000;
/** Deliveries without an outcome, in a row, after which a unit runs alone and each further one counts as a failure. */
export const LOST_DELIVERIES_BEFORE_ALONE = 3;

// --- watching (poller.ts) -------------------------------------------------------------------------------------
/** Shards per blocking read: one read over 10,000 keys registers all of them anew at every wake. */
export const WATCH_GROUP_SHARDS = 200;
/** How long one blocking read lasts at most: the bound on hearing of a change when an unblock went astray. */
export const WATCH_BLOCK_MS = 5_000;
export const WATCH_RETRY_MS = 250;
/** Shards with an open batching window are weighed this often. */
export const WINDOW_TICK_MS = 100;
/** Expiry is written within 1 s of the age (contract.md), so it is looked for four times a second. */
export const EXPIRY_TICK_MS = 250;
/** Shards whose overdue records are given up side by side: 250 at 250 ms apart is contract.md's 1,000 a second. */
export const EXPIRE_AT_ONCE = 250;
/** A shard whose turn has not come so long after its wake gets another wake; after the second time its job is looked for. */
export const TURN_OVERDUE_MS = 5_000;
export const TURN_LOST_MS = 15_000;
/** The set of shards is asked for this often. */
export const TOPOLOGY_MS = 2_000;
export const TRIM_MS = 10_000;
export const SWEEP_SHARDS_PER_CALL = 200;
/** Every shard is looked at by script at least this often, whatever was lost before. */
export const SWEEP_EVERY_MS = 10_000;
/** Small sets are swept more often, up to this; large ones in steps that far apart. */
export const SWEEP_PAUSE_MAX_MS = 2_000;
export const SWEEP_PAUSE_MIN_MS = 100;

/** Shards that a line of the log names when their state was lost; it tells the count of all. */
export const LOST_SHARDS_NAMED_MAX = 10;
/** Shards that are given their state side by side when a mapping first meets them. */
export const INIT_AT_ONCE = 100;

// --- daemons --------------------------------------------------------------------------------------------------
export const HEARTBEAT_MS = 1_000;
export const DAEMON_TTL_MS = 5_000;
/** What a heartbeat says of functions: so many of them, and so much of each error, that it stays below 100 kB. */
export const FUNCTION_SHARES_MAX = 100;
export const FUNCTION_SHARE_TEXT_CHARS_MAX = 300;
/** Draining waits for the longest timeout and this, which covers a cold start and the settle. */
export const GRACE_BEYOND_TIMEOUT_S = 5;
export const HTTP_DEFAULT = '127.0.0.1:9464';

// --- failure stream (contract.md, "Failure notices") -----------------------------------------------------------
export const FAILURE_STREAM_BYTES_MAX = 1024 ** 3;
export const FAILURE_KEPT_MS = 14 * 24 * 60 * 60 * 1000;

// --- error texts ----------------------------------------------------------------------------------------------
export const ERROR_TEXT_BYTES_MAX = 4 * 1024;

// --- redis connections (redis/connect.ts) ---------------------------------------------------------------------
/** For the first connection, retries included: covers a Redis that is started beside us. */
export const REDIS_CONNECT_TIMEOUT_MS = 5_000;
/** Pause before the first reconnection; doubles up to the second. Work must go on within 5 s after Redis is back. */
export const REDIS_RECONNECT_FIRST_MS = 50;
export const REDIS_RECONNECT_MAX_MS = 1_000;
/**
 * For a Sentinel to take a connection, and for its answer: one that is away must not hold up the next by much. Above what a process of ours
 * on a full machine stands still: all of the Sentinels it gave up on would be called unreachable.
 */
export const SENTINEL_ANSWER_MS = 2_000;
/** What one Sentinel told of a new primary counts for so long against others, which hear of it within a second or two. */
export const SENTINEL_LATE_MS = 10_000;
/**
 * A command of a daemon that is not answered for this long has lost its connection, as when the other end vanished without a word; TCP takes
 * minutes to say so. With the wait for a renewal well below a lock, so that the next one still comes in time; above the 2 s that a server at work may pause.
 */
export const REDIS_SILENCE_MS = 2_500;
/** A server that was started again and reads its files is asked this often whether it is done; the answer costs it some microseconds. */
export const REDIS_LOADING_MS = 500;
/** The lean reader looks for silence this often, and asks after a heartbeat without a question; a look costs nothing. */
export const REDIS_LOOK_MS = 250;
/** The same for the queue's blocking reads: they last up to 10 s, and a second later the queue gives them up by itself. */
export const QUEUE_SILENCE_MS = 12_500;

// --- sharded streams (connectors/redis-stream) ----------------------------------------------------------------
/** One script creates them all at once; Kinesis' own default quota is 500, 10,000 idle shards are a measured case. */
export const STREAM_SHARDS_MAX = 10_000;
/** As in Kinesis: 24 hours to 365 days. */
export const RETENTION_HOURS_MIN = 24;
export const RETENTION_HOURS_MAX = 8_760;
export const STREAM_NAME_CHARS_MAX = 128;
/** A reshard that always meets another one gives up; each try is one round trip. */
export const RESHARD_TRIES_MAX = 10;
/** Records removed per script call: a few milliseconds of the server's time. */
export const TRIM_RECORDS_PER_CALL = 10_000;
/** Entries counted per script call when a mapping starts at a timestamp. */
export const COUNT_RECORDS_PER_CALL = 10_000;
/** Counts anew when records were removed meanwhile; after this many the last count stands. */
export const START_TRIES_MAX = 3;
/** Records and bytes per script call of a producer: large enough to cost little each, a few milliseconds of the server's time. */
export const PUT_BATCH_RECORDS = 1_000;
export const PUT_BATCH_BYTES = 512 * 1024;
/** Calls on the way at once: two keep the server busy while the next is encoded, more only lengthen what is unknown after a cut. */
export const PUT_IN_FLIGHT = 3;
/** One line of `stream put`: bounds the memory of a line that does not end. What is too large for an event is for the mapping to say. */
export const PUT_RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** As in Kinesis. */
export const PARTITION_KEY_CHARS_MAX = 256;
/** Partition key → shard, remembered per producer: MD5 costs more than a look-up. */
export const ROUTE_CACHE_KEYS = 65_536;
/** A producer's session key lives this long after its last batch; an idle producer begins a new session well before. */
export const PUT_SESSION_MS = 10 * 60 * 1000;
/** Without an answer for this long a producer gives up and says what is known. */
export const PUT_TIMEOUT_MS = 30_000;
/** After a signal: for the answers to what is on the way. */
export const PUT_ABORT_WAIT_MS = 5_000;
/** `stream tail`: entries per read, and how long a read waits for new ones; new shards are looked for as often. */
export const TAIL_READ_RECORDS = 500;
export const TAIL_BLOCK_MS = 1_000;

// --- record by record (unit/) ----------------------------------------------------------------------------------
/** Units of one that an overdue batch is cut into at a time: every settle writes the whole stack, about 200 bytes a unit. */
export const SINGLES_AT_ONCE = 50;

// --- partial batch responses (unit/) ---------------------------------------------------------------------------
/** Twice the largest batch: room for a handler that names records more than once; more is junk. */
export const RESPONSE_ITEMS_MAX = 20_000;
/** A sequence number has at most 40 digits; anything much longer names no record, and is not copied to find that out. */
export const RESPONSE_IDENTIFIER_LENGTH_MAX = 256;

// --- outputs (unit/, shard/, turn/) ---------------------------------------------------------------------------
/** Of one answer (contract.md, "Outputs and pipelines"); their bytes, with keys and headers, are bounded by EVENT_BYTES_MAX. */
export const OUTPUTS_MAX = 10_000;
/** Headers are names and short texts; Kafka's brokers and clients assume no more. */
export const OUTPUT_HEADERS_BYTES_MAX = 64 * 1024;
/** In one script: 500 appends hold Redis for about 4 ms, 10,000 for 60. What is more is staged and moved in pieces of this size. */
export const OUTPUT_PIECE_ENTRIES = 500;
export const OUTPUT_PIECE_BYTES = 1024 * 1024;
/** Times that outputs are routed anew in one settle, because the target was resharded meanwhile. */
export const OUTPUT_ROUTE_TRIES = 20;
/** How old a look at the target's backlog may be: beyond `maxUnsettled` goes at most what all writers append in that time. */
export const OUTPUT_LOOK_MS = 500;
/** Not sooner than that, however much is appended: a look asks for every shard of the target. */
export const OUTPUT_LOOK_MS_MIN = 50;
/** Shards of the target per call of that look. */
export const BACKLOG_SHARDS_PER_CALL = 200;
/** The same of a place on another system, where pollers look, one of them at a time, and note it in Redis: together twice as old. */
export const PLACE_LOOK_MS = 500;
/** Such a note is void after this: nobody can look, and nobody can send there either, so that the outboxes' own bound holds. */
export const PLACE_NOTE_MS = 30_000;
/** A shard that waits for room in the target comes again after this. */
export const OUTPUT_WAIT_MS = 500;

// --- the lean reader (redis/reader*.ts) ------------------------------------------------------------------------
/** A reply's payloads are kept up to READ_AHEAD_BYTES, and what names them beyond; past this the connection is given up. */
export const READ_REPLY_BYTES_MAX = 32 * 1024 * 1024;
/** A read that takes longer has lost its server, also when bytes drip in. */
export const READ_TIMEOUT_MS = 5_000;

// --- archives (function/zip/) -----------------------------------------------------------------------------------
/** What a zip counts to without Zip64; the node_modules of 250 MB have about 30,000 files. */
export const ZIP_ENTRIES_MAX = 65_535;
/** What file systems take: one name, and a path that leaves room for the cache directory before it. */
export const ZIP_PATH_PART_BYTES_MAX = 255;
export const ZIP_PATH_BYTES_MAX = 1_024;
/** Entries inflated side by side: as many as zlib's threads and the disk keep up with, about 100 KB each. */
export const UNPACK_AT_ONCE = 8;
/** An unpacked archive that no start, reload or check has asked for in this time goes; it costs a second to have it again. */
export const UNPACKED_KEPT_MS = 24 * 60 * 60 * 1000;
/** A half-written one of a process that was killed: none takes so long. */
export const UNPACK_ABANDONED_MS = 60 * 60 * 1000;

// --- the bundler (esbuild.ts) -----------------------------------------------------------------------------------
/** Source of one function with all that it imports: the bundler takes up to 65 times that of memory, so 2 GB. */
export const BUNDLE_INPUT_BYTES_MAX = 32 * 1024 * 1024;
/** Its process is ended after this long without a build; starting it anew takes about 20 ms. */
export const BUNDLER_IDLE_MS = 1_000;

// --- observe/ -------------------------------------------------------------------------------------------------
/** Log lines that wait for a reader of standard output that stalls; beyond it lines are dropped. */
export const LOG_BUFFER_BYTES_MAX = 16 * 1024 * 1024;
/** The last lines of a process wait so long for their reader; one that stalls must not keep the process from ending. */
export const LOG_END_MS = 1_000;
/** Ports tried after the default one when it is taken. */
export const HTTP_PORTS_TRIED = 32;
/** Scrapers and probes at once; they are few and quick. */
export const HTTP_CONNECTIONS_MAX = 64;
/** A request that takes longer is cut; a scrape takes milliseconds. */
export const HTTP_REQUEST_TIMEOUT_MS = 10_000;
/** A single answer of Redis to `status`; each is a few milliseconds of work. */
export const STATUS_TIMEOUT_MS = 10_000;
/** Shards per script call of `status`: a few milliseconds of the server's time. */
export const STATUS_SHARDS_PER_CALL = 250;
/** Records counted per script call, and in all per shard, where only counting tells the lag; beyond it the upper bound is shown. */
export const STATUS_COUNT_PER_CALL = 10_000;
export const STATUS_COUNT_MAX = 1_000_000;

// --- millrace dev (commands/dev*, redis/private.ts) -------------------------------------------------------------
/** A private Redis whose owner was killed is waited for this long: its last write and its exit. */
export const PRIVATE_REDIS_STOP_MS = 10_000;
/** For `redis-check-aof` to read an append-only file of a Redis of our own: a gigabyte takes it a few seconds. */
export const APPEND_ONLY_CHECK_MS = 120_000;
/** How often `dev` looks whether code or configuration changed, and at how many files at most: a look stays below some milliseconds. */
export const DEV_WATCH_EVERY_MS = 500;
export const DEV_WATCH_FILES_MAX = 2_000;
/** The live view is drawn this often on a terminal, and a line is written this often without one. */
export const DEV_DRAW_EVERY_MS = 250;
export const DEV_LINE_EVERY_MS = 2_000;

// --- outgoing requests (sandbox/egress/) ------------------------------------------------------------------------
/** Requests one invocation makes in all: one for each record of the largest batch. */
export const EGRESS_REQUESTS_MAX = 10_000;
/** As in the isolate (FETCHES_IN_FLIGHT_MAX), kept again outside; cancelled ones may overlap with their successors for a moment. */
export const EGRESS_IN_FLIGHT_MAX = 64;
/** After decompression; what reaches the isolate is copied twice, and is text there. */
export const EGRESS_BODY_BYTES_MAX = 6 * 1024 * 1024;
/** Bodies of responses that this process holds until the child has them: in all, for one function, for one invocation (eight full ones). */
export const EGRESS_ROOM_BYTES = 384 * 1024 * 1024;
export const EGRESS_ROOM_PER_FUNCTION_BYTES = EGRESS_ROOM_BYTES / 2;
export const EGRESS_ROOM_PER_INVOCATION_BYTES = 8 * EGRESS_BODY_BYTES_MAX;
/** One request with its redirects, from the first look-up to the last byte: a server that dribbles is not waited for until `timeout`. */
export const EGRESS_REQUEST_MS = 120_000;
/** Names of one function that are looked up at a time: each takes one of the four threads that Node has for this and for files. */
export const EGRESS_LOOKUPS_PER_FUNCTION = 2;
export const EGRESS_HEAD_BYTES_MAX = 32 * 1024;
export const EGRESS_URL_BYTES_MAX = 16 * 1024;
/** contract.md, "Handlers". */
export const EGRESS_REDIRECTS_MAX = 5;
export const EGRESS_RESOLVE_MS = 5_000;
export const EGRESS_CONNECT_MS = 5_000;
/** Below the 5 s after which Node's own servers close an idle connection. */
export const EGRESS_IDLE_MS = 4_000;
/** Kept-open connections of a daemon in all: a few file descriptors each. */
export const EGRESS_IDLE_CONNECTIONS_MAX = 256;
