// SPDX-License-Identifier: BSD-2-Clause
//
// Who may read a channel without a grant, changed by those who may.

import { channelProblem } from './channel_path.js';
import { openDialog } from './dialog.js';
import { button, el, fill, newId, quoted } from './dom.js';
import { Field } from './field.js';
import { problemNotice } from './notice.js';
import { heading } from './shell.js';
import { levelBadge } from './words.js';

const pageSize = 100;

const privacies = [
  ['public', 'Public', 'Everybody reads it, without a token.'],
  ['authenticated', 'Authenticated', 'Any scope token that may read does; a resource token must name the channel.'],
  ['private', 'Private', 'Only tokens with a grant on it read it.'],
];

const badgeKind = { public: 'warn', authenticated: 'accent', private: '', invalid: 'danger' };

function privacyBadge(privacy) {
  const name = privacies.find(([key]) => key === privacy)?.[1] ?? 'Invalid record: as private';
  return el('span', { class: `badge ${badgeKind[privacy] ?? ''}` }, name);
}

function radios(privacy) {
  const name = newId('privacy');
  return el('fieldset', { class: 'bare' }, el('legend', { class: 'visually-hidden' }, 'Privacy'),
    privacies.map(([value, text, note]) => {
      const id = newId('privacy');
      const described = newId('note');
      return el('div', { class: 'choice tall' },
        el('input', { type: 'radio', name, id, value, checked: value === privacy, 'aria-describedby': described }),
        el('div', {}, el('label', { for: id, class: 'strong' }, text),
          el('p', { id: described, class: 'muted' }, note)));
    }));
}

function nameField() {
  return new Field('Channel', el('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' }));
}

function nameProblem(path, rights) {
  return channelProblem(path)
    || (rights.mayChangePrivacy(path) ? '' : 'You may not change the privacy of this channel.');
}

/// `path`: null asks for one. A promise of the channel as it is then, or null:
/// also of one that was saved although the question was closed.
async function changePrivacy(app, path, privacy) {
  const choice = radios(privacy);
  const news = el('div', {});
  const field = path === null ? nameField() : null;
  let saving = null;
  await openDialog(path === null ? 'Privacy of another channel' : `Privacy of ${path}`, (close) => {
    const put = async (name) => {
      try {
        const changed = await app.api.put('channels/' + name, { privacy: choice.querySelector('input:checked').value });
        close(true);
        return changed;
      } catch (problem) {
        if (news.isConnected) {
          fill(news, problemNotice(problem));
        } else if (problem.name !== 'AbortError') {
          app.toast(`${name} was not changed. ${problem.title}.`);
        }
        return null;
      }
    };
    const save = button('Save', async () => {
      const name = path ?? field.value.trim();
      field?.setError(nameProblem(name, app.session.rights));
      if (field?.isBad) {
        field.focus();
        return;
      }
      save.disabled = true;
      saving = put(name);
      await saving;
      save.disabled = false;
    }, { class: 'primary' });
    return {
      body: el('div', {}, news, field?.node, choice, el('p', { class: 'muted' },
        'It counts at once, for the channel and for what lies below it without a privacy of its own. ',
        'Uploading and deleting always need a grant.')),
      actions: [button('Cancel', () => close(null)), save],
    };
  });
  return saving;
}

class ChannelsView {
  constructor(app) {
    this.app = app;
    this.shown = pageSize;
    this.search = new Field('Search', el('input', {
      type: 'search', autocomplete: 'off', spellcheck: 'false', on: { input: () => this.#show() },
    }));
    this.results = el('div', { class: 'results' });
    const { rights } = app.session;
    this.node = el('div', { class: 'view' },
      heading('Channels',
        rights.mayChangeSomePrivacy && button('Add Channel', () => this.#change(null, 'private'), {}, 'plus')),
      el('p', { class: 'muted' }, 'Who may read a channel without a grant.'),
      el('form', { role: 'search', class: 'filters', 'aria-label': 'Channels',
        on: { submit: (event) => event.preventDefault() } }, this.search.node),
      this.results);
    this.#load();
  }

  async #load() {
    fill(this.results, el('div', { class: 'skeleton', 'aria-hidden': 'true' }, el('div'), el('div'), el('div')));
    try {
      this.app.session.forgetChannels();
      this.channels = await this.app.session.channels();
      this.#show();
    } catch (problem) {
      fill(this.results, problemNotice(problem, () => this.#load()));
    }
  }

  #show() {
    const word = this.search.value.trim().toLowerCase();
    const found = (this.channels ?? []).filter(({ channel }) => channel.toLowerCase().includes(word));
    const more = found.length - this.shown;
    fill(this.results, found.length > 0 ? this.#table(found.slice(0, this.shown)) : this.#empty(word),
      more > 0 && button(`Show ${Math.min(more, pageSize)} more`, () => {
        this.shown += pageSize;
        this.#show();
      }));
  }

  #empty(word) {
    return el('div', { class: 'empty' }, el('p', { class: 'strong' }, word ? 'No channel matches' : 'No channels yet'),
      el('p', { class: 'muted' }, word ? 'Try another word.'
        : 'Channels are listed once they have a privacy, or once your rights name them.'));
  }

  #table(channels) {
    return el('table', { 'aria-label': 'Channels' },
      el('thead', {}, el('tr', {},
        ['Channel', 'Privacy', 'You may hand out'].map((text) => el('th', { scope: 'col' }, text)),
        el('th', { scope: 'col' }, el('span', { class: 'visually-hidden' }, 'Actions')))),
      el('tbody', {}, channels.map((channel) => this.#row(channel))));
  }

  #row({ channel, privacy, permission }) {
    const id = newId('channel');
    const mayChange = this.app.session.rights.mayChangePrivacy(channel);
    return el('tr', { 'data-channel': channel },
      el('th', { scope: 'row' }, quoted(channel, { id, class: 'mono' })),
      el('td', { 'data-label': 'Privacy' }, privacyBadge(privacy)),
      el('td', { 'data-label': 'You may hand out' }, permission ? levelBadge(permission)
        : el('span', { class: 'muted' }, 'Nothing')),
      el('td', { class: 'row-end' }, mayChange && button('Change', () => this.#change(channel, privacy),
        { class: 'quiet', 'aria-describedby': id }, 'edit')));
  }

  async #change(path, privacy) {
    const changed = await changePrivacy(this.app, path, privacy === 'invalid' ? 'private' : privacy);
    if (changed && this.node.isConnected) {
      this.app.toast(`${changed.channel} is ${changed.privacy} now.`);
      await this.#load();
      const row = [...this.results.querySelectorAll('tr')].find((one) => one.dataset.channel === changed.channel);
      (row?.querySelector('button') ?? this.node.querySelector('h1')).focus();
    }
  }
}

export function channelsView(app) {
  return { title: 'Channels', node: new ChannelsView(app).node };
}
