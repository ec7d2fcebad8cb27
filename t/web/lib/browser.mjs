// SPDX-License-Identifier: BSD-2-Clause
//
// One Chromium with a profile of its own, and what must hold of the page
// whatever is done with it: it asks nobody but its own nginx, logs no error,
// opens no dialog, breaks no rule of its Content-Security-Policy, and keeps a
// token in no storage and no address.
//
//	await flow(async ({ page }) => { ... });

import { mkdirSync } from 'node:fs';
import { end, is, note, ok, wanted } from './bridge.mjs';
import { chromium } from './packages.mjs';

const TOKEN = /psm-[0-9A-Za-z]{42}/;

// Chromium itself notes at `error` that an answer was 4xx or 5xx.
const ANSWERED = /^Failed to load resource: the server responded with a status of/;

export const url = wanted.url;

// wanted.sites: further ones of this test.
const origins = [url, ...wanted.sites ?? []].map((x) => `${new URL(x).origin}/`);

function watchPage(page, seen) {
  page.on('console', (message) => {
    if (message.type() === 'error' && !ANSWERED.test(message.text())) {
      seen.errors.push(message.text());
    }
  });
  page.on('pageerror', (error) => { seen.errors.push(String(error.stack ?? error)); });
  page.on('dialog', (dialog) => {
    if (dialog.type() === 'beforeunload') {
      seen.asked += 1;
      dialog.accept();
    } else {
      seen.dialogs.push(dialog.message());
      dialog.dismiss();
    }
  });
  page.on('framenavigated', (frame) => { seen.addresses.push(frame.url()); });
}

function watch(context) {
  const seen = {
    errors: [], dialogs: [], asked: 0, addresses: [], outside: [],
  };
  context.pages().forEach((page) => watchPage(page, seen));
  context.on('page', (page) => watchPage(page, seen));
  context.on('request', (request) => {
    seen.addresses.push(request.url());
    if (!origins.some((x) => request.url().startsWith(x))) {
      seen.outside.push(request.url());
    }
  });
  return seen;
}

// Everything of the origin that outlives the page.
async function stored(page) {
  return page.evaluate(async () => JSON.stringify([
    { ...localStorage }, { ...sessionStorage }, document.cookie,
    await indexedDB.databases(), await caches.keys(),
    (await navigator.serviceWorker.getRegistrations()).length,
    window.name, history.state,
  ]));
}

export async function keepsNoToken(page, name = 'no storage and no address has a token') {
  const text = `${await stored(page)} ${page.url()}`;
  return ok(!TOKEN.test(text), name);
}

// It waits less than playwright does by itself: a test that fails should not
// take half a minute for it.
async function open(options) {
  const context = await chromium.launchPersistentContext(wanted.profile, {
    executablePath: process.env.PSM_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--disable-dev-shm-usage', '--no-proxy-server'],
    chromiumSandbox: process.getuid() !== 0,
    locale: 'en-GB',
    timezoneId: 'UTC',
    permissions: ['clipboard-read', 'clipboard-write'],
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  context.setDefaultTimeout(40000);
  return context;
}

async function judge(page, seen) {
  is(seen.errors, [], 'the console has no error');
  is(seen.dialogs, [], 'no dialog came up');
  is(seen.outside, [], 'nobody else was asked');
  is(seen.addresses.filter((address) => TOKEN.test(address)).length, 0,
    'no token stood in an address');
  await keepsNoToken(page);
}

// Runs sub in a Chromium. unguarded: it does on purpose what the page must not
// do. Gives whether it came to its end.
export async function visit(sub, { unguarded, ...options } = {}) {
  let context;
  try {
    context = await open(options);
    const [page] = context.pages();
    const seen = watch(context);
    await sub({ page, context, seen });
    if (!unguarded) {
      await judge(page, seen);
    }
    await context.close();
    return true;
  } catch (error) {
    const page = context?.pages().at(-1);
    if (page) {
      await shot(page, `failed-${wanted.name}`).catch(() => {});
    }
    ok(false, 'it came to its end', String(error.stack ?? error));
    await context?.close().catch(() => {});
    return false;
  }
}

// A flow of one visit.
export async function flow(sub, options) {
  if (await visit(sub, options)) {
    end();
  }
  process.exit(0);
}

// Requests for that wait until what it gives is called.
export async function hold(page, pattern, options) {
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await page.route(pattern, (route) => held.then(() => route.continue()), options);
  return release;
}

// A picture for people to look at: build/screenshots/NAME.png.
export async function shot(page, name, options = {}) {
  mkdirSync(wanted.shots, { recursive: true });
  const path = `${wanted.shots}/${name}.png`;
  await page.screenshot({ path, animations: 'disabled', ...options });
  note(`a picture: ${path}`);
  return path;
}
