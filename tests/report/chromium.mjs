// A headless Chromium driven over its DevTools protocol, through a pipe: messages are JSON, each
// ended by a zero byte, on the descriptors 3 (to it) and 4 (from it). Needs nothing but node.
//
// Failure: every call rejects with what the browser said, or after its time.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const answerWithin = 60_000;

export class Chromium {
    static async start(command = process.env.CHROMIUM ?? 'chromium') {
        const browser = new Chromium();
        browser.folder = mkdtempSync(join(tmpdir(), 'pinyon-chromium-'));
        browser.process = spawn(command, [
            '--headless=new', ...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
            '--disable-extensions', '--disable-background-networking', '--hide-scrollbars',
            `--user-data-dir=${browser.folder}`, '--remote-debugging-pipe', 'about:blank',
        ], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
        browser.waiting = new Map();
        browser.listeners = new Set();
        browser.last = 0;
        browser.ended = new Promise((resolve) => browser.process.once('exit', resolve));
        browser.process.once('error', (failure) => browser.fail(failure));
        browser.process.once('exit', () => browser.fail(new Error('the browser has ended')));
        browser.listen(browser.process.stdio[4]);
        await browser.send('Browser.getVersion');
        return browser;
    }

    listen(pipe) {
        let pieces = [];
        pipe.on('data', (data) => {
            for (let from = 0; from < data.length;) {
                const end = data.indexOf(0, from);
                pieces.push(data.subarray(from, end < 0 ? data.length : end));
                if (end < 0) break;
                this.receive(JSON.parse(Buffer.concat(pieces).toString('utf8')));
                pieces = [];
                from = end + 1;
            }
        });
    }

    receive(message) {
        const waiter = this.waiting.get(message.id);
        if (!waiter) {
            for (const listener of this.listeners) listener(message);
            return;
        }
        this.waiting.delete(message.id);
        clearTimeout(waiter.timer);
        if (message.error) waiter.reject(new Error(`${waiter.method}: ${message.error.message}`));
        else waiter.resolve(message.result);
    }

    fail(failure) {
        for (const { reject, timer } of this.waiting.values()) {
            clearTimeout(timer);
            reject(failure);
        }
        this.waiting.clear();
    }

    send(method, params = {}, sessionId = undefined) {
        const id = ++this.last;
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), answerWithin);
            this.waiting.set(id, { resolve, reject, timer, method });
            this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
        });
    }

    // A new page of this size. `dark`: as in a system with dark colours.
    async open({ width = 1360, height = 900, dark = false } = {}) {
        const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
        const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
        const page = new Page(this, sessionId, targetId);
        this.listeners.add((message) => page.hear(message));
        for (const domain of ['Page', 'Runtime', 'Log']) await page.send(`${domain}.enable`);
        await page.send('Emulation.setDeviceMetricsOverride', {
            width, height, deviceScaleFactor: 1, mobile: false,
        });
        await page.send('Emulation.setEmulatedMedia', {
            features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
        });
        return page;
    }

    async close() {
        await this.send('Browser.close').catch(() => {});
        await this.ended;
        rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    }
}

export class Page {
    constructor(browser, session, target) {
        this.browser = browser;
        this.session = session;
        this.target = target;
        this.complaints = [];  // errors and warnings of console, policy and script
    }

    hear({ method, params, sessionId }) {
        if (sessionId !== this.session) return;
        if (method === 'Runtime.exceptionThrown') {
            this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
        } else if (method === 'Runtime.consoleAPICalled' && /error|warning|assert/.test(params.type)) {
            this.complaints.push(params.args.map((each) => each.value).join(' '));
        } else if (method === 'Log.entryAdded' && /error|warning/.test(params.entry.level)) {
            this.complaints.push(params.entry.text);
        }
    }

    send(method, params) { return this.browser.send(method, params, this.session); }

    // Loads a file and waits until its script has drawn everything.
    async load(path) {
        await this.send('Page.navigate', { url: `file://${path}` });
        await this.until('document.documentElement?.dataset.ready === "true"');
    }

    async evaluate(expression) {
        const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
            expression, returnByValue: true, awaitPromise: true,
        });
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
    }

    async until(expression, within = 30_000) {
        for (const end = Date.now() + within; Date.now() < end;) {
            if (await this.evaluate(expression).catch(() => false)) return;
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        throw new Error(`never true: ${expression}; ${this.complaints.join('; ')}`);
    }

    text(selector) { return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`); }

    // Types into a field as a person does: the script hears `input`.
    async type(selector, text) {
        await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);
        await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).select?.()`);
        await this.send('Input.insertText', { text });
    }

    async press(key, modifiers = 0) {
        for (const type of ['keyDown', 'keyUp']) {
            await this.send('Input.dispatchKeyEvent', { type, key, modifiers });
        }
    }

    async clickAt(x, y) {
        await this.send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
        for (const type of ['mousePressed', 'mouseReleased']) {
            await this.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
        }
    }

    // PNG of the whole page, or of the first screen.
    async screenshot({ whole = false } = {}) {
        const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: whole });
        return Buffer.from(data, 'base64');
    }

    close() { return this.browser.send('Target.closeTarget', { targetId: this.target }); }
}
