//! The demo organisation: enough people, departments and names to try everything at once.

use crate::auth::{Auth, Scopes, password};
use crate::config::{Config, Demo};
use crate::directory::{DepartmentEntry, Directory, PersonEntry, ROOT, department_id_of};
use crate::error::Result;
use crate::store::{Store, Table, Write, tables};
use protocol::person::PersonKind;
use std::sync::Arc;

/// Everybody's password.
pub const PASSWORD: &str = "demo";
/// The apps: id, secret, name.
pub const APPS: [(&str, &str, &str); 2] =
    [("cli_c1a7104000000001", "clarion-demo-secret-1", "审批助手"), ("cli_c1a7104000000002", "clarion-demo-secret-2", "Alarm Bot")];
/// The fact that says that the organisation in this folder is the demo's.
const FACT: &str = "demo_organisation";

/// A department with its people: name, name in Latin letters, title. The first one leads it.
type Department = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

/// The whole tree, parents first. Staff numbers are given in this order, from e1001.
const TREE: &[Department] = &[
    (
        "集团总部",
        &[("张三", "Zhang San", "总经理"), ("李四", "Li Si", "副总经理"), ("王五", "Wang Wu", "总经理助理"), ("赵敏", "Zhao Min", "秘书")],
    ),
    (
        "集团总部/人力资源部",
        &[
            ("单雪梅", "Shan Xuemei", "人力资源总监"),
            ("张伟", "Zhang Wei", "招聘经理"),
            ("李娜", "Li Na", "薪酬专员"),
            ("乐嘉", "Yue Jia", "培训专员"),
        ],
    ),
    (
        "集团总部/财务部",
        &[
            ("曾国荣", "Zeng Guorong", "财务总监"),
            ("王芳", "Wang Fang", "会计"),
            ("解晓东", "Xie Xiaodong", "出纳"),
            ("仇英", "Qiu Ying", "税务专员"),
        ],
    ),
    ("集团总部/法务部", &[("查良法", "Zha Liangfa", "法务总监"), ("陈静", "Chen Jing", "律师")]),
    (
        "集团总部/信息技术部",
        &[
            ("重光明", "Chong Guangming", "首席信息官"),
            ("张伟", "Zhang Wei", "架构师"),
            ("Anna Lindqvist", "Anna Lindqvist", "Product Manager"),
            ("刘洋", "Liu Yang", "项目经理"),
        ],
    ),
    (
        "集团总部/信息技术部/平台组",
        &[
            ("杨帆", "Yang Fan", "平台组组长"),
            ("李娜", "Li Na", "后端工程师"),
            ("Sean O'Brien", "Sean O'Brien", "Site Reliability Engineer"),
            ("周杰", "Zhou Jie", "后端工程师"),
            ("吴昊", "Wu Hao", "数据库工程师"),
            ("翟天临", "Zhai Tianlin", "测试工程师"),
        ],
    ),
    (
        "集团总部/信息技术部/客户端组",
        &[
            ("黄蓉", "Huang Rong", "客户端组组长"),
            ("María José García", "Maria Jose Garcia", "Frontend Engineer"),
            ("区志明", "Ou Zhiming", "安卓工程师"),
            ("盖叫天", "Ge Jiaotian", "设计师"),
            ("徐磊", "Xu Lei", "前端工程师"),
        ],
    ),
    ("华东公司", &[("孙丽", "Sun Li", "总经理"), ("马超", "Ma Chao", "副总经理")]),
    (
        "华东公司/销售部",
        &[
            ("朱琳", "Zhu Lin", "销售总监"),
            ("张伟", "Zhang Wei", "大客户经理"),
            ("胡歌", "Hu Ge", "销售经理"),
            ("王芳", "Wang Fang", "销售经理"),
        ],
    ),
    (
        "华东公司/销售部/上海办事处",
        &[
            ("林志强", "Lin Zhiqiang", "办事处主任"),
            ("何洁", "He Jie", "销售代表"),
            ("高圆", "Gao Yuan", "销售代表"),
            ("单于飞", "Chanyu Fei", "销售代表"),
        ],
    ),
    (
        "华东公司/销售部/杭州办事处",
        &[("罗永", "Luo Yong", "办事处主任"), ("郑爽", "Zheng Shuang", "销售代表"), ("曾经", "Zeng Jing", "销售代表")],
    ),
    ("华东公司/生产部", &[("梁家辉", "Liang Jiahui", "生产总监"), ("宋佳", "Song Jia", "计划员"), ("谢霆", "Xie Ting", "质检员")]),
    (
        "华东公司/生产部/一车间",
        &[("韩磊", "Han Lei", "车间主任"), ("唐嫣", "Tang Yan", "班长"), ("冯巩", "Feng Gong", "操作工"), ("于谦", "Yu Qian", "操作工")],
    ),
    (
        "华东公司/生产部/二车间",
        &[("董洁", "Dong Jie", "车间主任"), ("萧重山", "Xiao Chongshan", "班长"), ("程重", "Cheng Zhong", "操作工")],
    ),
    ("华南公司", &[("曹颖", "Cao Ying", "总经理"), ("袁弘", "Yuan Hong", "副总经理")]),
    (
        "华南公司/物流部",
        &[
            ("邓超", "Deng Chao", "物流总监"),
            ("许晴", "Xu Qing", "调度员"),
            ("傅彪", "Fu Biao", "调度员"),
            ("朴正男", "Piao Zhengnan", "司机"),
        ],
    ),
    (
        "华南公司/客户服务部",
        &[
            ("沈腾", "Shen Teng", "客服总监"),
            ("尉迟恭", "Yuchi Gong", "客服专员"),
            ("欧阳修文", "Ouyang Xiuwen", "客服专员"),
            ("彭于", "Peng Yu", "客服专员"),
        ],
    ),
    (
        "Overseas",
        &[
            ("Grace Hopper Lee", "Grace Hopper Lee", "Managing Director"),
            ("Jürgen Müller", "Juergen Mueller", "Deputy Director"),
            ("Łukasz Wiśniewski", "Lukasz Wisniewski", "Controller"),
        ],
    ),
    (
        "Overseas/Singapore",
        &[
            ("Tan Wei Ming", "Tan Wei Ming", "Country Manager"),
            ("Priya Raghavan", "Priya Raghavan", "Sales Manager"),
            ("Zhang Wei", "Zhang Wei", "Engineer"),
        ],
    ),
    (
        "Overseas/Frankfurt",
        &[
            ("Katharina Weiß", "Katharina Weiss", "Country Manager"),
            ("Ömer Yıldız", "Oemer Yildiz", "Logistics"),
            ("Anna Schmidt", "Anna Schmidt", "Accountant"),
        ],
    ),
];

/// Makes the demo organisation when it is wanted, and says what to tell the operator.
///
/// # Errors
/// One sentence, when it is not to be had on this address.
pub async fn make_if_wanted(
    config: &Config,
    store: &Arc<dyn Store>,
    directory: &Directory,
    auth: &Auth,
) -> std::result::Result<Option<String>, String> {
    let say = |error: crate::error::Error| format!("the demo organisation could not be made: {error}");
    let is_demo = store.get(Table::Facts, tables::none(), tables::text_key(FACT)).await.map_err(say)?.is_some();
    if is_demo && !config.loopback() {
        return Err(format!(
            "the data folder {} holds the demo organisation, whose passwords everybody knows, and {} can be reached from other machines; listen on 127.0.0.1, or choose another folder with `--data`",
            config.data.display(),
            config.listen
        ));
    }
    if !directory.is_empty() || is_demo {
        return Ok(is_demo.then(|| next_steps(directory)));
    }
    let wanted = match config.demo {
        Demo::On => true,
        Demo::Off => false,
        Demo::Auto => config.file.is_none(),
    };
    if !wanted {
        return Ok(Some("nobody is here yet; stop the server and run `clarion people import people.csv`".into()));
    }
    if !config.loopback() {
        return Err(format!(
            "the data folder {} is empty, and the demo organisation is not made on {}, which can be reached from other machines; import people with `clarion people import`, or set CLARION_DEMO=off to start without people, or listen on 127.0.0.1",
            config.data.display(),
            config.listen
        ));
    }
    make(store, directory, auth).await.map_err(say)?;
    Ok(Some(next_steps(directory)))
}

fn next_steps(directory: &Directory) -> String {
    format!(
        "demo organisation of {} people: open the address in two browsers, sign in as e1001 (张三) and e1002 (李四), password {PASSWORD}\n\
         demo apps for the open API: {}",
        directory.everyone().len(),
        APPS.map(|(id, secret, _)| format!("{id} / {secret}")).join(", ")
    )
}

/// Makes departments, people, passwords and apps.
///
/// # Errors
/// `StorageUnavailable`.
pub async fn make(store: &Arc<dyn Store>, directory: &Directory, auth: &Auth) -> Result<()> {
    // First of all: a folder in which this was begun is never taken for a real organisation.
    store.write(vec![Write::Put(Table::Facts, tables::none(), tables::text_key(FACT), b"true".to_vec())]).await?;
    let (departments, people) = organisation();
    directory.upsert_departments(departments).await?;
    directory.upsert_people(people).await?;
    // One hash for all: the password is no secret, and sixty would take seconds.
    let hash = tokio::task::spawn_blocking(|| password::hash(PASSWORD)).await;
    let hash = hash.map_err(|_| crate::error::Error::storage("the password could not be hashed"))??;
    store.write((0..directory.len()).map(|user| password::put_hash(user, &hash)).collect()).await?;
    for (at, (id, secret, name)) in APPS.into_iter().enumerate() {
        // The first one may administer as well, so that there is something to try.
        let scopes = if at == 0 {
            Scopes::default().with(["clarion:audit:read", "contact:contact", "contact:contact:update_department_id"])
        } else {
            Scopes::default()
        };
        auth.put_app(id, name, secret, scopes).await?;
    }
    Ok(())
}

/// Departments and people of the tree.
fn organisation() -> (Vec<DepartmentEntry>, Vec<PersonEntry>) {
    let mut departments = Vec::new();
    let mut people = Vec::new();
    let mut leaders: Vec<(&str, String)> = Vec::new();
    let mut number = 1001;
    for (order, (path, members)) in TREE.iter().enumerate() {
        let parts: Vec<&str> = path.split('/').collect();
        let id = department_id_of(&parts);
        let above = path.rsplit_once('/').map(|(above, _)| above);
        let parent = department_id_of(&parts[..parts.len() - 1]);
        let head = format!("e{number}");
        let above_head = above.and_then(|above| leaders.iter().find(|(path, _)| *path == above)).map(|(_, head)| head.clone());
        departments.push(DepartmentEntry {
            department_id: id.clone(),
            name: parts.last().copied().unwrap_or(ROOT).to_owned(),
            parent,
            order: order as u32,
            leader: Some(head.clone()),
            ..DepartmentEntry::default()
        });
        for (name, en_name, title) in *members {
            let user_id = format!("e{number}");
            let words: String = en_name
                .to_lowercase()
                .chars()
                .map(|letter| if letter == ' ' { '.' } else { letter })
                .filter(|letter| letter.is_ascii_lowercase() || *letter == '.')
                .collect();
            people.push(PersonEntry {
                en_name: Some((*en_name).to_owned()),
                // The number keeps apart those who share a name.
                email: Some(format!("{words}.{number}@demo.example")),
                mobile: Some(format!("+86138000{:05}", number)),
                title: Some((*title).to_owned()),
                departments: vec![id.clone()],
                leader: if user_id == head { above_head.clone() } else { Some(head.clone()) },
                ..PersonEntry::new(user_id, *name, PersonKind::Person)
            });
            number += 1;
        }
        leaders.push((path, head));
    }
    (departments, people)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::SqliteStore;

    async fn office(folder: &std::path::Path, config: &Config) -> (Arc<dyn Store>, Directory, Auth) {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder).unwrap());
        let directory = Directory::load(store.clone()).await.unwrap();
        let auth = Auth::load(store.clone(), directory.clone(), Clock::default(), config).await.unwrap();
        (store, directory, auth)
    }

    #[tokio::test]
    async fn a_newcomer_finds_an_organisation_to_try() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::default();
        let (store, directory, auth) = office(folder.path(), &config).await;
        let said = make_if_wanted(&config, &store, &directory, &auth).await.unwrap().unwrap();
        assert!(said.contains("e1001") && said.contains("cli_c1a7104000000001"), "{said}");
        assert!(directory.everyone().len() >= 60);
        assert_eq!(directory.name(directory.index("e1001").unwrap()), "张三");
        assert_eq!(directory.search("张伟", 10, None).people.len(), 3, "people who share a name");
        for name in ["单", "曾", "重"] {
            assert!(!directory.search(name, 10, None).people.is_empty());
        }
        for index in directory.everyone() {
            let profile = directory.profile(index);
            assert!(profile.email.is_some() && profile.mobile.is_some() && !profile.departments.is_empty());
            assert!(profile.leader.is_none_or(|leader| directory.index(&leader).is_some()));
        }
        let deepest = directory.everyone().iter().map(|index| directory.card(index).departments.len()).max();
        assert_eq!(deepest, Some(3));
        for (id, secret, _) in APPS {
            assert!(auth.tenant_token(id, secret).is_ok());
        }
        assert!(make_if_wanted(&config, &store, &directory, &auth).await.unwrap().is_some(), "at the next start it is there");
    }

    #[tokio::test]
    async fn passwords_that_everybody_knows_stay_on_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let open = Config { listen: "0.0.0.0:7700".parse().unwrap(), ..Config::default() };
        let (store, directory, auth) = office(folder.path(), &open).await;
        let refused = make_if_wanted(&open, &store, &directory, &auth).await.unwrap_err();
        assert!(refused.contains("the demo organisation is not made on 0.0.0.0:7700"), "{refused}");
        assert!(directory.is_empty());
        let off = Config { demo: Demo::Off, ..open.clone() };
        assert!(make_if_wanted(&off, &store, &directory, &auth).await.unwrap().unwrap().contains("people import"));
        make_if_wanted(&Config::default(), &store, &directory, &auth).await.unwrap();
        let refused = make_if_wanted(&off, &store, &directory, &auth).await.unwrap_err();
        assert!(refused.contains("holds the demo organisation"), "{refused}");
    }
}
