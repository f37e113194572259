// What the web platform's tests expect around them, for a place without pages: tests, assertions, and their results in
// `__results`. Evaluated in front of a test's own scripts.
globalThis.__results = (() => {
  const tests = [];
  const LATE_MS = 3_000;
  let begun = Promise.resolve();
  let explicit = false;
  let finish = () => {};
  const finished = new Promise((resolve) => {
    finish = resolve;
  });

  const show = (value) => {
    try {
      if (typeof value === "string") return JSON.stringify(value);
      if (typeof value === "object" && value !== null)
        return Object.prototype.toString.call(value) + (Array.isArray(value) ? `[${value.map(show)}]` : "");
      return Object.is(value, -0) ? "-0" : String(value);
    } catch {
      return "something";
    }
  };
  class AssertionError extends Error {}
  const assert = (holds, message, what) => {
    if (!holds) throw new AssertionError(`${message === undefined ? "" : `${message}: `}${what()}`);
  };
  const same = (a, b) => Object.is(a, b);

  class Test {
    constructor(name) {
      this.name = String(name ?? "untitled");
      this.status = null;
      this.message = "";
      this.cleanups = [];
      this.over = new Promise((resolve) => {
        this.end = resolve;
      });
      tests.push(this);
    }
    settle(status, message = "") {
      if (this.status !== null) return;
      [this.status, this.message] = [status, String(message).slice(0, 300)];
      for (const cleanup of this.cleanups) {
        try {
          cleanup();
        } catch {
          // Nothing is tested by it.
        }
      }
      this.end();
    }
    fail(thrown) {
      this.settle("fail", thrown?.message ?? show(thrown));
    }
    done() {
      this.settle("pass");
    }
    step(body, that = this, ...args) {
      if (this.status !== null) return undefined;
      try {
        return body.apply(that, args);
      } catch (thrown) {
        this.fail(thrown);
        return undefined;
      }
    }
    step_func(body, that) {
      const test = this;
      return function (...args) {
        return test.step(body, that ?? this, ...args);
      };
    }
    step_func_done(body, that) {
      const test = this;
      return function (...args) {
        if (body !== undefined) test.step(body, that ?? this, ...args);
        test.done();
      };
    }
    unreached_func(message) {
      return this.step_func(() => assert(false, message, () => "reached what it must not"));
    }
    step_timeout(body, ms, ...args) {
      return setTimeout(
        this.step_func(() => body.apply(this, args)),
        ms,
      );
    }
    async step_wait(condition) {
      while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    add_cleanup(cleanup) {
      this.cleanups.push(cleanup);
    }
  }

  const throwsJs = (Kind, body, message) => {
    let thrown;
    try {
      body();
    } catch (error) {
      thrown = error;
      assert(error?.constructor === Kind || error?.name === Kind.name, message, () => `threw ${show(error?.name ?? error)}, not ${Kind.name}`);
      return;
    }
    assert(false, message, () => `did not throw ${Kind.name}${show(thrown) === "" ? "" : ""}`);
  };
  const isDom = (thrown, type) =>
    thrown instanceof DOMException && (thrown.name === type || DOMException[type] === thrown.code || `${thrown.name}` === type);

  const api = {
    test(body, name) {
      const test = new Test(name);
      test.step(body, test, test);
      test.done();
    },
    async_test(body, name) {
      const [run, label] = typeof body === "function" ? [body, name] : [undefined, body];
      const test = new Test(label);
      if (run !== undefined) test.step(run, test, test);
      return test;
    },
    promise_test(body, name) {
      const test = new Test(name);
      // One after another.
      begun = begun
        .then(() => Promise.race([body.call(test, test), test.over]))
        .then(
          () => test.done(),
          (thrown) => test.fail(thrown),
        );
    },
    setup(body) {
      if (typeof body === "function") body();
      if ((typeof body === "object" ? body : {}).explicit_done) explicit = true;
    },
    promise_setup(body) {
      begun = begun.then(body);
    },
    done() {
      explicit = false;
      finish();
    },
    step_timeout: (body, ms, ...args) => setTimeout(() => body(...args), ms),
    format_value: show,
    generate_tests(check, all) {
      for (const [name, ...args] of all) api.test(() => check(...args), name);
    },
    subsetTest: (run, ...args) => run(...args),
    subsetTestByKey: (_key, run, ...args) => run(...args),
    shouldRunSubTest: () => true,
    async fetch_json(address) {
      return JSON.parse(globalThis.__files[address]);
    },
    assert_true: (value, message) => assert(value === true, message, () => `${show(value)} is not true`),
    assert_false: (value, message) => assert(value === false, message, () => `${show(value)} is not false`),
    assert_equals: (a, b, message) => assert(same(a, b), message, () => `${show(a)} is not ${show(b)}`),
    assert_not_equals: (a, b, message) => assert(!same(a, b), message, () => `both are ${show(a)}`),
    assert_in_array: (a, all, message) => assert(all.includes(a), message, () => `${show(a)} is not among ${show(all)}`),
    assert_array_equals(a, b, message) {
      assert(typeof a === "object" && a !== null && a.length === b.length, message, () => `${show(a)} has another length than ${show(b)}`);
      for (let at = 0; at < b.length; at++) assert(same(a[at], b[at]), message, () => `at ${at}: ${show(a[at])} is not ${show(b[at])}`);
    },
    assert_object_equals(a, b, message) {
      const seen = [];
      const check = (one, other) => {
        if (typeof one !== "object" || one === null || typeof other !== "object" || other === null)
          return assert(same(one, other), message, () => `${show(one)} is not ${show(other)}`);
        if (seen.includes(one)) return undefined;
        seen.push(one);
        for (const key in one) {
          assert(Object.hasOwn(other, key) || key in other, message, () => `${key} was not expected`);
          check(one[key], other[key]);
        }
        for (const key in other) assert(Object.hasOwn(one, key) || key in one, message, () => `${key} is missing`);
        return undefined;
      };
      check(a, b);
    },
    assert_less_than: (a, b, message) => assert(a < b, message, () => `${show(a)} is not less than ${show(b)}`),
    assert_greater_than: (a, b, message) => assert(a > b, message, () => `${show(a)} is not greater than ${show(b)}`),
    assert_less_than_equal: (a, b, message) => assert(a <= b, message, () => `${show(a)} is more than ${show(b)}`),
    assert_greater_than_equal: (a, b, message) => assert(a >= b, message, () => `${show(a)} is less than ${show(b)}`),
    assert_approx_equals: (a, b, by, message) => assert(Math.abs(a - b) <= by, message, () => `${show(a)} is not near ${show(b)}`),
    assert_regexp_match: (text, pattern, message) => assert(pattern.test(text), message, () => `${show(text)} does not match`),
    assert_class_string: (value, name, message) =>
      assert(Object.prototype.toString.call(value) === `[object ${name}]`, message, () => `is ${show(value)}`),
    assert_own_property: (value, name, message) => assert(Object.hasOwn(value, name), message, () => `has no own ${show(name)}`),
    assert_not_own_property: (value, name, message) => assert(!Object.hasOwn(value, name), message, () => `has its own ${show(name)}`),
    assert_inherits: (value, name, message) => assert(!Object.hasOwn(value, name) && name in value, message, () => `does not inherit ${show(name)}`),
    assert_idl_attribute: (value, name, message) => assert(name in value, message, () => `has no ${show(name)}`),
    assert_readonly(value, name, message) {
      const before = value[name];
      try {
        value[name] = `${before}a`;
      } catch {
        // It said so.
      }
      assert(same(value[name], before), message, () => `${show(name)} can be written`);
    },
    assert_unreached: (message) => assert(false, message, () => "reached what it must not"),
    assert_implements: (there, message) => assert(there, message, () => "it is not there"),
    assert_implements_optional: (there, message) => assert(there, message, () => "it is not there"),
    assert_throws_js: throwsJs,
    assert_throws_dom(type, ...rest) {
      const [body, message] = rest[0] === DOMException || rest.length > 2 ? rest.slice(1) : rest;
      try {
        body();
      } catch (thrown) {
        return assert(isDom(thrown, type), message, () => `threw ${show(thrown?.name ?? thrown)}, not ${type}`);
      }
      return assert(false, message, () => `did not throw ${type}`);
    },
    assert_throws_exactly(expected, body, message) {
      try {
        body();
      } catch (thrown) {
        return assert(same(thrown, expected), message, () => `threw ${show(thrown)}`);
      }
      return assert(false, message, () => "did not throw");
    },
    assert_throws_quotaexceedederror(body) {
      api.assert_throws_dom("QuotaExceededError", body);
    },
    promise_rejects_js: (_test, Kind, promise, message) =>
      Promise.resolve(promise).then(
        () => assert(false, message, () => "was not rejected"),
        (thrown) =>
          throwsJs(
            Kind,
            () => {
              throw thrown;
            },
            message,
          ),
      ),
    promise_rejects_dom(_test, type, ...rest) {
      const [promise, message] = typeof rest[0]?.then === "function" ? rest : rest.slice(1);
      return Promise.resolve(promise).then(
        () => assert(false, message, () => "was not rejected"),
        (thrown) => assert(isDom(thrown, type), message, () => `was rejected with ${show(thrown?.name ?? thrown)}, not ${type}`),
      );
    },
    promise_rejects_exactly: (_test, expected, promise, message) =>
      Promise.resolve(promise).then(
        () => assert(false, message, () => "was not rejected"),
        (thrown) => assert(same(thrown, expected), message, () => `was rejected with ${show(thrown)}`),
      ),
    garbageCollect: async () => {},
    GLOBAL: { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false },
    location: { search: "", href: "https://web-platform.test/", origin: "https://web-platform.test", protocol: "https:", pathname: "/" },
  };
  for (const [name, value] of Object.entries(api)) Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });

  /** Files that lie beside a test are there; the network is not. */
  const real = fetch;
  globalThis.fetch = async (address, ...rest) =>
    typeof globalThis.__files[address] === "string" ? new Response(globalThis.__files[address]) : real(address, ...rest);

  /** Requests go by the address of a page, which there is none. */
  globalThis.Request = new Proxy(Request, {
    construct: (Kind, [input, ...rest], target) =>
      Reflect.construct(Kind, [input instanceof Kind ? input : new URL(String(input), api.location.href).href, ...rest], target),
  });

  return async () => {
    /** What a test waits for may never come: then it is over for all of its file. */
    const late = new Promise((resolve) => setTimeout(resolve, LATE_MS));
    if (explicit) await Promise.race([finished, late]);
    // Tests may add others while they run.
    for (let at = 0; at < tests.length; at++) await Promise.race([tests[at].over, late]);
    for (const test of tests) test.settle("late");
    return tests.map(({ name, status, message }) => [name, status, message]);
  };
})();
