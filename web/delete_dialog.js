// SPDX-License-Identifier: BSD-2-Clause
//
// Deletes tokens, one or many, after naming them.

import { openDialog } from './dialog.js';
import { button, el, fill, quoted } from './dom.js';
import { notice } from './notice.js';

const atOnce = 4;
const maxNamed = 200;

function names(tokens) {
  return el('ul', { class: 'names', tabindex: '0', 'aria-label': 'To be deleted' },
    tokens.slice(0, maxNamed).map((token) => el('li', {}, quoted(token.name ?? token.id, { class: 'strong' }),
      token.owner && el('span', { class: 'muted' }, ' of ', quoted(token.owner)))),
    tokens.length > maxNamed && el('li', { class: 'muted' }, `and ${tokens.length - maxNamed} more`));
}

const kept = {
  title: 'It was kept',
  message: 'Without it you could not try the others again.',
};

/// Goes on after a failure, until it `isStopped()` or somebody else is signed
/// in; `onDone(count)` after each. The token that one is signed in with is last:
/// nothing can be deleted after it.
async function deleteAll({ api, session }, tokens, isStopped, onDone) {
  const { turn } = session;
  const failures = [];
  const gone = new Set();
  const deleteEach = async (waiting) => {
    while (waiting.length > 0 && !isStopped() && session.turn === turn) {
      const token = waiting.shift();
      try {
        await api.delete('account/tokens/' + token.id);
        gone.add(token.id);
      } catch (problem) {
        failures.push({ token, problem });
      }
      onDone(gone.size + failures.length);
    }
  };
  const others = tokens.filter((token) => !session.isOwnToken(token.id));
  const own = tokens.filter((token) => session.isOwnToken(token.id));
  await Promise.all(Array.from({ length: atOnce }, () => deleteEach(others)));
  if (failures.length > 0) {
    failures.push(...own.map((token) => ({ token, problem: kept })));
  } else {
    await deleteEach(own);
  }
  return { gone, failures, left: tokens.length - gone.size - failures.length };
}

function failureList(failures) {
  return notice('error', failures.length === 1 ? 'One was not deleted:' : `${failures.length} were not deleted:`,
    el('ul', { class: 'names' }, failures.map(({ token, problem }) => el('li', {},
      quoted(token.name ?? token.id, { class: 'strong' }), `: ${problem.title}. ${problem.message}`))));
}

/// Where nobody sees the list of them any more.
function tellFailures({ session, toast }, count) {
  if (count > 0 && session.account) {
    toast(count === 1 ? 'One token was not deleted.' : `${count} tokens were not deleted.`);
  }
}

/// A promise of the ids that are gone, also when the dialog was closed before.
export async function deleteTokens(app, tokens) {
  const { session } = app;
  const many = tokens.length > 1;
  let running = null;
  let isStopped = false;
  let result = { gone: new Set(), failures: [], left: 0 };
  await openDialog(many ? `Delete ${tokens.length} tokens?` : 'Delete token?', (close) => {
    const actions = el('div', { class: 'actions' });
    const body = el('div', {}, names(tokens),
      tokens.some((token) => session.isOwnToken(token.id))
        && notice('warn', 'You are signed in with one of them: you will be signed out.'),
      el('p', {}, many ? 'They stop working at once, wherever they are in use. This cannot be undone.'
        : 'It stops working at once, wherever it is in use. This cannot be undone.'));
    const run = async () => {
      const bar = el('progress', { max: String(tokens.length), value: 0, 'aria-label': 'Deleted' });
      const stop = button('Stop', () => (isStopped = true));
      fill(actions, many && stop);
      stop.focus();
      body.append(bar);
      running = deleteAll(app, tokens, () => isStopped, (count) => (bar.value = count));
      result = await running;
      if (!bar.isConnected) {
        tellFailures(app, result.failures.length);
      }
      bar.remove();
      if (result.failures.length === 0 && result.left === 0) {
        close(true);
        return;
      }
      fill(body, el('p', { role: 'status' }, `${result.gone.size} deleted`,
        result.left > 0 && `, ${result.left} kept, as you stopped it`, '.'),
      result.failures.length > 0 && failureList(result.failures));
      fill(actions, button('Close', () => close(true), { class: 'primary' }));
      actions.querySelector('button').focus();
    };
    fill(actions, button('Cancel', () => close(false), { autofocus: true }),
      button('Delete', run, { class: 'danger' }, 'bin'));
    return { body, actions };
  });
  await running;
  return result.gone;
}
