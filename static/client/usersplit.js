// UserSplit in the browser; every option is explained in docs/browser-client.md.
// Nothing throws into the page: what goes wrong is told to `onError`.

const STORED = "usersplit.1"; // Its version.
const MAX_AGE = 30 * 864e5;
const MAX_USERS = 5;
const MAX_HITS = 100;
const MAX_BATCHES = 10;

const own = (object, key) => (Object.hasOwn(object, key) ? object[key] : undefined);
const objectOf = (value) => (Object(value) === value && !Array.isArray(value) ? value : {});
const listOf = (value, most) => (Array.isArray(value) ? value.slice(-most) : []);
const isSplitGroup = (value) => Number.isInteger(value) && value >= 1 && value <= 2400;

function drawSplitGroup() {
  // Again above the last multiple of 2400: low groups would be likelier.
  let drawn;
  do [drawn] = crypto.getRandomValues(new Uint16Array(1));
  while (drawn >= 64800);
  return (drawn % 2400) + 1;
}

function uuid() {
  // crypto.randomUUID exists on HTTPS pages only.
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  const hex = bytes.map((byte) => (byte + 256).toString(16).slice(1)).join("");
  return hex.replace(/(.{8})(.{4}).(.{3}).(.{3})(.{12})/, "$1-$2-4$3-a$4-$5");
}

// Of entries [time, ...].
const newest = (entries, most) =>
  Object.fromEntries(
    Object.entries(objectOf(entries))
      .filter(([, entry]) => Date.now() - entry?.[0] < MAX_AGE)
      .sort(([, one], [, other]) => other[0] - one[0])
      .slice(0, most),
  );

// Answers and storage may hold anything.
const answerOf = (given) => {
  const answer = objectOf(given);
  for (const name of ["variants", "payloads", "hits"]) answer[name] = objectOf(answer[name]);
  return answer;
};

export class UserSplit {
  #options;
  #storage;
  #memory = null;
  #device;
  #group;
  #user = null;
  #who = "";
  #answer = answerOf();
  #turn = 0;
  #ready = Promise.resolve(false);
  #timer = 0;

  constructor(options) {
    this.#options = { url: "", timeout: 2000, hitWindow: 3600, ...options };
    const { storage, deviceId, splitGroup, user } = this.#options;
    this.#safely(() => (this.#storage = storage === undefined ? localStorage : storage));
    this.#safely(() => {
      this.#update((stored) => {
        this.#device = String(deviceId ?? stored.device);
        this.#group = isSplitGroup(splitGroup) ? splitGroup : stored.group;
      });
      addEventListener("online", () => this.#flush());
      document.addEventListener("visibilitychange", () => document.hidden && this.#flush());
      this.#flush();
    });
    this.setUser(user);
  }

  /** Resolves: did the server answer in time, or is this what was known last? */
  ready() {
    return this.#ready;
  }

  /** Somebody signed in (an id or {id, splitGroup, attributes}) or out (null). */
  setUser(user) {
    this.#safely(() => {
      this.#user = user == null || typeof user === "object" ? user : { id: user };
      this.#who = JSON.stringify([this.#options.url, this.#user?.id, this.#device]);
      this.#answer = answerOf(own(this.#read().answers, this.#who)?.[1]);
    });
    return this.refresh();
  }

  /** Ask again. An answer that comes too late is kept for the next page: what is on this one stays. */
  refresh() {
    const turn = ++this.#turn;
    const who = this.#who;
    const asked = this.#ask()
      .then((answer) => {
        this.#update((stored) => (stored.answers[who] = [Date.now(), answer]));
        return answer;
      })
      .catch((error) => this.#tell(error));
    const late = new Promise((resolve) => setTimeout(resolve, this.#options.timeout));
    return (this.#ready = Promise.race([asked, late]).then((answer) => {
      if (!answer || turn !== this.#turn) return false;
      this.#answer = answer;
      return true;
    }));
  }

  /** The user's variant or null. Logs a hit, once per user and window. */
  variant(key, logHit = true) {
    const variant = own(this.#answer.variants, key);
    if (typeof variant !== "string") return null;
    if (logHit) this.logHit(key);
    return variant;
  }

  /** The JSON payload of the user's variant, or null. */
  payload(key) {
    return own(this.#answer.payloads, key) ?? null;
  }

  /** It is seen now. */
  logHit(key) {
    this.#safely(() => {
      const hit = own(this.#answer.hits, key);
      if (!hit) return;
      const seen = JSON.stringify(hit);
      const now = Date.now();
      this.#update((stored) => {
        if (Math.abs(now - stored.seen[seen]?.[0]) < this.#options.hitWindow * 1000) return;
        stored.seen[seen] = [now];
        stored.hits.push({ ...hit, time: new Date(now).toISOString() });
        this.#flushIn(1000);
      });
    });
  }

  async #ask() {
    const { environment, supportedTests } = this.#options;
    const user = this.#user;
    const response = await this.#post("active-variants/", {
      user: user && { id: user.id, split_group: user.splitGroup, attributes: user.attributes },
      environment: { ...environment, device_id: this.#device, split_group: this.#group },
      supported_tests: supportedTests,
    });
    const answer = response.ok && (await response.json());
    if (objectOf(answer?.variants) !== answer?.variants) throw new Error(`active-variants: ${response.status}`);
    return answerOf(answer);
  }

  #post(path, body) {
    const { url, token } = this.#options;
    return fetch(`${url}/api/v1/${path}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "omit",
      keepalive: document.hidden,
    });
  }

  #flushIn(milliseconds) {
    this.#timer ||= setTimeout(() => this.#flush(), milliseconds);
  }

  // A batch keeps its id until the server has it: sent by two tabs, it counts once.
  async #flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    try {
      let batches;
      this.#update((stored) => {
        batches = stored.batches;
        if (stored.hits.length) batches.push({ batch_id: uuid(), hits: stored.hits.splice(0) });
      });
      for (const batch of batches) {
        const { ok, status } = await this.#post("hits/", batch);
        const error = new Error(`hits: ${status}`);
        if (!ok && ![400, 413, 415].includes(status)) throw error;
        if (!ok) this.#tell(error); // It would be refused again.
        this.#update((stored) => {
          stored.batches = stored.batches.filter((one) => one.batch_id !== batch.batch_id);
        });
      }
    } catch (error) {
      this.#tell(error);
      this.#flushIn(30_000);
    }
  }

  #read() {
    let found;
    try {
      found = this.#storage ? JSON.parse(this.#storage.getItem(STORED)) : this.#memory;
    } catch {}
    const { device, group, answers, seen, hits, batches } = objectOf(found);
    return {
      device: /^[\w-]{8,64}$/.test(device ?? "") ? device : uuid(),
      group: isSplitGroup(group) ? group : drawSplitGroup(),
      answers: newest(answers, MAX_USERS),
      seen: newest(seen, MAX_HITS),
      hits: listOf(hits, MAX_HITS),
      batches: listOf(batches, MAX_BATCHES).map(objectOf),
    };
  }

  // At once, since other tabs write too. Without storage, or when it is full, in memory.
  #update(change) {
    const stored = this.#read();
    change(stored);
    this.#memory = stored;
    try {
      this.#storage?.setItem(STORED, JSON.stringify(stored));
    } catch (error) {
      this.#storage = null;
      this.#tell(error);
    }
  }

  #safely(action) {
    try {
      action();
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error) {
    try {
      this.#options.onError?.(error);
    } catch {}
  }
}
