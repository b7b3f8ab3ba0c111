/** Why an archive is refused. `entry` is the name of the entry that it is refused for, as the archive has it. */

const NAME_SHOWN_MAX = 200;

export class ArchiveFault extends Error {
  readonly kind: 'damaged' | 'too-large' | 'refused';
  readonly hint: string | undefined;
  constructor(kind: ArchiveFault['kind'], message: string, about: { entry?: string; hint?: string } = {}) {
    super(about.entry === undefined ? message : `the entry ${shownName(about.entry)} ${message}`);
    this.name = 'ArchiveFault';
    this.kind = kind;
    this.hint = about.hint;
  }
}

/** As JSON text, so that no control character of a hostile name reaches a terminal. */
function shownName(name: string): string {
  const cut = name.length > NAME_SHOWN_MAX ? `${name.slice(0, NAME_SHOWN_MAX)}…` : name;
  return JSON.stringify(cut).replace(
    // JSON leaves these as they are; a terminal obeys some of them, and others turn the text around.
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
