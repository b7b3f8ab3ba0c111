/** Every bound on what users write into the configuration, with its reason; all others are in limits.ts. */

// --- filter patterns (mapping/pattern/) --------------------------------------------------------------------------
/** AWS has 5 filters of a mapping, and 10 on request. */
export const FILTERS_MAX = 10;
/** AWS's bound on a pattern as JSON. */
export const FILTER_PATTERN_CHARACTERS_MAX = 4_096;
/** Levels of a pattern: no event that a person writes is as deep, and every level is a function call per record. */
export const FILTER_PATTERN_DEPTH_MAX = 50;
/** Stars of one `wildcard`; with more AWS calls a rule too complex, and so does whoever reads it. */
export const FILTER_WILDCARDS_MAX = 10;

// --- configuration (mapping/) -----------------------------------------------------------------------------------
/** One YAML file: room for about 1,000 mappings; with the next two, whatever is in it is judged within a second. */
export const CONFIG_FILE_BYTES_MAX = 256 * 1024;
/** The parser takes the square of the lines of a quoted text; 80,000 lines took 2 s. */
export const CONFIG_LINES_MAX = 20_000;
/** Words, marks and spaces of one file, as the parser's lexer cuts it; dense real files have one per 2.4 bytes. */
export const CONFIG_LEXEMES_MAX = 150_000;
/** Files of one configuration directory. */
export const CONFIG_FILES_MAX = 500;
/** Levels of nesting: no field lies deeper than 7; the parser itself would overflow its stack near 800. */
export const CONFIG_DEPTH_MAX = 32;
/** Values of one file after aliases are written out: what keeps an alias bomb small. */
export const CONFIG_VALUES_MAX = 50_000;
/** Problems shown for one file; a file that is no configuration at all would have one per line. */
export const CONFIG_PROBLEMS_MAX = 500;
/** Names and values of one function's environment together; Lambda has 4 KB, certificates need more. */
export const ENVIRONMENT_BYTES_MAX = 64 * 1024;
/** Keeps what looks for credentials in it quick. */
export const REDIS_URL_LENGTH_MAX = 2048;
/** A shorter secret would be replaced all over the place where it is no secret. */
export const SECRET_LENGTH_MIN = 8;
/** Wait for a server that `validate --connect` asks. */
export const VALIDATE_CONNECT_MS = 5_000;

// --- outputs (mapping/) ---------------------------------------------------------------------------------------
/** Records of 1 kB each make 100 MB in Redis, some seconds' work of a fast reader (contract.md, "Outputs and pipelines"). */
export const OUTPUT_UNSETTLED_DEFAULT = 100_000;
