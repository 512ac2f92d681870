// Cards as business systems send them: for the unit tests of how they are read, and for a screen full of them.

/** @param {{picture?: string, person?: string}} given a key of a picture and an id of a person */
export function cards({ picture = 'img_v3_none', person = 'ou_none' } = {}) {
  return {
    alert: {
      config: { wide_screen_mode: true },
      header: { template: 'red', title: { tag: 'plain_text', content: '【P1】订单服务 5xx 超过阈值' }, text_tag_list: [{ tag: 'text_tag', text: { tag: 'plain_text', content: '生产' }, color: 'carmine' }] },
      elements: [
        { tag: 'div', fields: [
          { is_short: true, text: { tag: 'lark_md', content: '**服务**\norder-gateway' } }, { is_short: true, text: { tag: 'lark_md', content: '**错误率**\n<font color="red">7.4%</font>（阈值 1%）' } },
          { is_short: true, text: { tag: 'lark_md', content: '**开始**\n09:12:40' } }, { is_short: true, text: { tag: 'lark_md', content: `**值班**\n<at id=${person}></at>` } },
        ] },
        { tag: 'markdown', content: '`POST /orders` 超时，数据库连接池占满。\n- 已自动扩容 **4 → 8**\n- 日志：https://logs.example.com/q?id=8841（内网）' },
        { tag: 'hr' },
        { tag: 'action', actions: [
          { tag: 'button', text: { tag: 'plain_text', content: '认领' }, type: 'primary', value: { act: 'take' } }, { tag: 'button', text: { tag: 'plain_text', content: '静默 30 分钟' }, type: 'danger', value: {} },
          { tag: 'button', text: { tag: 'plain_text', content: '打开看板' }, url: 'https://grafana.example.com/d/1' },
        ] },
        { tag: 'note', elements: [{ tag: 'plain_text', content: '告警平台 · 规则 #1042' }] },
      ],
    },
    approval: {
      schema: '2.0', header: { template: 'blue', title: { tag: 'plain_text', content: '请假审批' }, subtitle: { tag: 'plain_text', content: '李四 · 华东销售部' } },
      body: { elements: [
        { tag: 'column_set', flex_mode: 'none', columns: [
          { tag: 'column', width: 'weighted', weight: 1, elements: [{ tag: 'markdown', content: '**类型**\n年假' }] },
          { tag: 'column', width: 'weighted', weight: 2, elements: [{ tag: 'markdown', content: '**时间**\n12月1日 – 12月3日，共 3 天' }] },
        ] },
        { tag: 'person', user_id: person },
        { tag: 'form', name: 'leave', elements: [
          { tag: 'select_static', name: 'result', placeholder: { tag: 'plain_text', content: '审批结果' }, options: [{ text: { tag: 'plain_text', content: '同意' }, value: 'yes' }, { text: { tag: 'plain_text', content: '拒绝' }, value: 'no' }] },
          { tag: 'date_picker', name: 'from', placeholder: { tag: 'plain_text', content: '改为哪天开始' }, initial_date: '2026-12-01' },
          { tag: 'input', name: 'why', label: { tag: 'plain_text', content: '意见' }, placeholder: { tag: 'plain_text', content: '可不填' } },
          { tag: 'button', text: { tag: 'plain_text', content: '提交' }, type: 'primary', width: 'fill', form_action_type: 'submit', name: 'go' },
        ] },
      ] },
    },
    report: {
      schema: '2.0', config: { width_mode: 'fill' }, header: { template: 'green', title: { tag: 'plain_text', content: '门店日报 · 11月26日' } },
      body: { elements: [
        { tag: 'column_set', flex_mode: 'stretch', columns: ['订单量 **12,408**\n<font color="green">↑ 12.5%</font>', '客单价 **¥86.20**\n<font color="red">↓ 1.1%</font>', '平均交付 **3.2 天**\n<font color="grey">持平</font>'].map((content) => ({ tag: 'column', width: 'weighted', weight: 1, background_style: 'grey', elements: [{ tag: 'markdown', content, text_align: 'center' }] })) },
        { tag: 'table', page_size: 4, columns: [{ name: 'shop', display_name: '门店', data_type: 'text' }, { name: 'sum', display_name: '销售额', data_type: 'number', horizontal_align: 'right' }, { name: 'state', display_name: '状态', data_type: 'options' }],
          rows: [['徐汇一店', '128,400', '达标', 'green'], ['浦东二店', '96,210', '达标', 'green'], ['虹桥店', '54,980', '偏低', 'orange'], ['静安店', '41,007', '偏低', 'orange'], ['松江店', '12,300', '未达标', 'red'], ['嘉定店', '9,800', '未达标', 'red']].map(([shop, sum, text, color]) => ({ shop, sum, state: [{ text, color }] })) },
        { tag: 'collapsible_panel', expanded: false, header: { title: { tag: 'markdown', content: '**口径说明**' } }, elements: [{ tag: 'markdown', content: '以支付成功时间计，*不含*退款。' }] },
      ] },
    },
    welcome: {
      header: { template: 'violet', title: { tag: 'plain_text', content: '欢迎加入项目组', i18n: { en_us: 'Welcome to the team' } } },
      card_link: { url: 'https://wiki.example.com/start' },
      i18n_elements: {
        zh_cn: [{ tag: 'img', img_key: picture, alt: { tag: 'plain_text', content: '团队照片' }, mode: 'crop_center' }, { tag: 'div', text: { tag: 'lark_md', content: '从这里开始：\n1. 读 [新人手册](https://wiki.example.com/handbook)\n2. 加入 **周会**\n3. 有问题找 <at id=all></at>' }, extra: { tag: 'button', text: { tag: 'plain_text', content: '签到' }, type: 'default' } }],
        en_us: [{ tag: 'img', img_key: picture, alt: { tag: 'plain_text', content: 'The team' }, mode: 'crop_center' }, { tag: 'markdown', content: 'Start here: [handbook](https://wiki.example.com/handbook)' }],
      },
    },
    release: {
      schema: '2.0', header: { template: 'indigo', title: { tag: 'plain_text', content: 'order-gateway 2.41 发布' } },
      body: { elements: [
        { tag: 'markdown', content: '# 变更\n> 回滚窗口 **30 分钟**\n\n| 模块 | 变更 |\n|---|:-:|\n| 支付 | 重试改为指数退避 |\n| 库存 | 锁粒度改为 SKU |\n\n```sh\nkubectl rollout undo deploy/order-gateway\n```' },
        ...Array.from({ length: 16 }, (_, at) => ({ tag: 'markdown', content: `${at + 1}. 合并请求 !${4200 + at}：修复第 ${at + 1} 个问题，涉及订单拆分与发货单同步，测试已通过。` })),
        { tag: 'checker', checked: true, text: { tag: 'plain_text', content: '已通知值班' } },
      ] },
    },
    hostile: {
      header: { template: 'javascript:alert(1)', title: { tag: 'plain_text', content: '<img src=x onerror=alert(1)>\u202etxt' } },
      card_link: { url: 'javascript:alert(1)' },
      elements: [
        { tag: 'markdown', content: '<script>alert(1)</script> [点我](javascript:alert(1)) <a href="data:text/html,x">数据</a> ![x](https://evil.example/p.png)' },
        { tag: 'img', img_key: '../../etc/passwd', alt: { tag: 'plain_text', content: '不是我们的图片' } }, { tag: 'hologram', text: { tag: 'plain_text', content: '将来的元素' } }, { tag: 'void' }, null, 7, { tag: '__proto__', content: '原型' },
        { tag: 'action', actions: [{ tag: 'button', text: { tag: 'plain_text', content: '链接不可用' }, url: 'file:///etc/passwd' }, { tag: 'overflow', options: [{ text: { tag: 'plain_text', content: '更多' }, url: 'https://a.example.com' }] }] },
        { tag: 'chart', chart_spec: { title: { text: '趋势' } } },
      ],
    },
  };
}
